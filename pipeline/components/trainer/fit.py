"""Builds the model that the settings describe, and trains it on transformed Examples."""

import dataclasses
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import keras

import mclrec_tf
from mclrec_tf.data.batches import evaluation_batches, training_batches
from mclrec_tf.data.histories import HeldOut, Histories
from mclrec_tf.data.item_similarity import similar_items
from mclrec_tf.models.building import build_model, encoder_optimizer
from mclrec_tf.models.item_start import start_from_co_occurrence
from mclrec_tf.models.presets import get_preset
from mclrec_tf.training.early_stopping import ResumableEarlyStopping
from mclrec_tf.training.learning_rate import LearningRateCourse
from pipeline.components.trainer.training_progress import TrainingProgress
from pipeline.components.trainer.transformed_examples import read_held_out, read_training
from pipeline.settings import ModelSettings, TrainingSettings


class TrainingData(NamedTuple):
    """The training histories, and the validation histories with their targets."""

    train: Histories
    validation: HeldOut


def read_training_data(train_files: Sequence[str], eval_files: Sequence[str]) -> TrainingData:
    """Reads the splits that TFX passes to Trainer and Tuner.

    Args:
        train_files: Glob patterns of the files of the train split.
        eval_files: Glob patterns of the files of the validation split.

    Raises:
        FileNotFoundError: No file of a split matches.
    """
    return TrainingData(read_training(train_files), read_held_out(eval_files))


def model_of(
    num_items: int, settings: ModelSettings, training: TrainingSettings, histories: Histories
) -> mclrec_tf.MCLRec:
    """Builds and compiles the model that the settings describe.

    Args:
        num_items: The number of items in the vocabulary, |I|.
        settings: The settings of the model.
        training: The settings of the training, for optimizers and seed.
        histories: The training histories, for what is counted and which items are similar.
    """
    values = dataclasses.asdict(settings)
    del values["item_start"]  # for `start`
    counted = values.pop("counts")
    if counted is None:
        counted = get_preset(settings.preset).counts
    counts = mclrec_tf.ItemCounts.from_histories(histories, num_items) if counted else None
    if settings.encoder == "gru4rec":
        del values["num_heads"]
    return build_model(
        num_items,
        **values
        | {
            "positions": None if settings.positions == "default" else settings.positions,
            "update_rule": settings.update_rule or None,
            "similar_items": similar_items(histories, num_items)
            if settings.similar_items
            else None,
        },
        counts=counts,
        seed=training.seed,
        optimizer=encoder_optimizer(
            training.learning_rate,
            preset=settings.preset,
            weight_decay=training.weight_decay,
            clipnorm=training.clipnorm,
            ema=training.ema,
        ),
        augmenter_learning_rate=training.augmenter_learning_rate,
    )


def start(
    model: mclrec_tf.MCLRec,
    settings: ModelSettings,
    training: TrainingSettings,
    histories: Histories,
) -> None:
    """Gives a new model what the settings start from, where that is not random.

    Args:
        model: The model, which `model_of` has built.
        settings: The settings of the model.
        training: The settings of the training, for the seed.
        histories: The training histories.
    """
    if (settings.item_start or get_preset(settings.preset).item_start) == "co_occurrence":
        start_from_co_occurrence(model.encoder, histories, training.seed)


def fit(
    model: mclrec_tf.MCLRec,
    data: TrainingData,
    training: TrainingSettings,
    state: str,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> ResumableEarlyStopping:
    """Trains a model and restores its best epoch. An interrupted training is resumed.

    Args:
        model: The model, which `model_of` has built.
        data: The data, whose ids are those of the model's vocabulary.
        training: The settings of the training.
        state: Folder of the state of an interrupted training.
        callbacks: Additional callbacks. None by default.

    Returns:
        The early stopping, with the logs of every epoch.
    """
    batches = partial(
        training_batches,
        data.train,
        max_length=model.encoder.max_length,
        batch_size=training.batch_size,
        schedule=training.schedule,
        seed=training.seed,
    )
    preset = get_preset(model.preset)
    epochs = training.epochs or preset.epochs(len(batches()))
    stopping = ResumableEarlyStopping(state, training.monitor, training.patience, epochs)
    epochs_done = stopping.restore(model)
    if stopping.is_finished:
        stopping.restore_best()
        return stopping
    model.fit(
        batches(first_epoch=epochs_done),
        initial_epoch=epochs_done,
        epochs=epochs,
        validation_data=evaluation_batches(*data.validation),
        callbacks=[
            TrainingProgress(training.monitor, epochs, stopping.best_so_far),
            LearningRateCourse(
                training.learning_rate or preset.learning_rate,
                epochs,
                training.learning_rate_decay or preset.learning_rate_decay,
                training.warmup_steps,
            ),
            *callbacks,
            stopping,
        ],
        verbose=0,
    )
    return stopping
