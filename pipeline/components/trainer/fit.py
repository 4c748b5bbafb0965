"""The model that settings describe, and its training on transformed Examples."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import keras

import mclrec_tf
from mclrec_tf.data.batches import evaluation_batches, training_batches
from mclrec_tf.data.histories import HeldOut, Histories
from mclrec_tf.models.building import build_model, encoder_optimizer
from mclrec_tf.training.early_stopping import ResumableEarlyStopping
from pipeline.components.trainer.training_progress import TrainingProgress
from pipeline.components.trainer.transformed_examples import read_held_out, read_training
from pipeline.settings import ModelSettings, TrainingSettings


class TrainingData(NamedTuple):
    """Histories to train on, and those to validate on with the item that came next."""

    train: Histories
    validation: HeldOut


def read_training_data(train_files: Sequence[str], eval_files: Sequence[str]) -> TrainingData:
    """Reads the splits that TFX's Trainer and Tuner are given."""
    return TrainingData(read_training(train_files), read_held_out(eval_files))


def model_of(
    num_items: int, settings: ModelSettings, training: TrainingSettings
) -> mclrec_tf.MCLRec:
    """The compiled model that the settings describe."""
    values = dataclasses.asdict(settings)
    if settings.encoder == "gru4rec":
        del values["num_heads"]
    return build_model(
        num_items,
        **values,
        seed=training.seed,
        optimizer=encoder_optimizer(training.learning_rate, ema=training.ema),
        augmenter_learning_rate=training.augmenter_learning_rate,
    )


def fit(
    model: mclrec_tf.MCLRec,
    data: TrainingData,
    training: TrainingSettings,
    stopping: ResumableEarlyStopping,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> None:
    """Trains a model to its best epoch, from where an earlier process left off.

    Args:
        model: Of `model_of`.
        data: Of the same vocabulary.
        training: How.
        stopping: Holds the state of a training that was cut short, if there was one.
        callbacks: More of them.
    """
    epochs_done = stopping.restore(model)
    if stopping.is_finished:
        stopping.restore_best()
        return
    model.fit(
        training_batches(
            data.train,
            max_length=model.encoder.max_length,
            batch_size=training.batch_size,
            schedule=training.schedule,
            seed=training.seed,
            first_epoch=epochs_done,
        ),
        initial_epoch=epochs_done,
        epochs=training.epochs,
        validation_data=evaluation_batches(*data.validation),
        callbacks=[
            TrainingProgress(training.monitor, training.epochs, stopping.best_so_far),
            *callbacks,
            stopping,
        ],
        verbose=0,
    )
