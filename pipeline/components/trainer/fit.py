"""Builds the model that the settings describe, and trains it on transformed Examples."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

import mclrec_tf
from mclrec_tf.data.batches import training_batches
from mclrec_tf.data.histories import HeldOut, Histories
from mclrec_tf.data.item_features import ItemFeatures
from mclrec_tf.data.item_similarity import similar_items
from mclrec_tf.export.signature_inputs import history_width
from mclrec_tf.models.building import build_model, encoder_optimizer
from mclrec_tf.models.count_weights import FittedWeights
from mclrec_tf.models.presets import get_preset
from mclrec_tf.models.recipe import train_model
from mclrec_tf.training.early_stopping import ResumableEarlyStopping
from pipeline.components.trainer.training_progress import TrainingProgress
from pipeline.components.trainer.transformed_examples import read_held_out, read_training
from pipeline.settings import ModelSettings, TrainingSettings


class TrainingData(NamedTuple):
    """The training histories, and the validation histories with their targets."""

    train: Histories
    validation: HeldOut


class Trained(NamedTuple):
    """The early stopping, with the logs of every epoch, and the weights of the counts, if any."""

    stopping: ResumableEarlyStopping
    counts: FittedWeights | None


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
    num_items: int,
    settings: ModelSettings,
    training: TrainingSettings,
    histories: Histories,
    item_features: ItemFeatures | None = None,
) -> mclrec_tf.MCLRec:
    """Builds and compiles the model that the settings describe.

    Args:
        num_items: The number of items in the vocabulary, |I|.
        settings: The settings of the model.
        training: The settings of the training, for optimizers and seed.
        histories: The training histories, for what is counted and which items are similar.
        item_features: The features of the items, if they have any.
    """
    values = dataclasses.asdict(settings)
    del values["item_start"]  # for `fit`
    counted = values.pop("counts")
    if counted is None:
        counted = get_preset(settings.preset).counts
    counts = None
    if counted:
        counts = mclrec_tf.ItemCounts.from_histories(
            histories,
            num_items,
            max_length=history_width(settings.max_length),
            num_cold=item_features.num_cold if item_features else 0,
        )
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
        item_features=item_features,
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


def fit(
    model: mclrec_tf.MCLRec,
    data: TrainingData,
    training: TrainingSettings,
    state: str,
    item_start: str | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Trained:
    """Trains a model and restores its best epoch. An interrupted training is resumed.

    Args:
        model: The model, which `model_of` has built.
        data: The data, whose ids are those of the model's vocabulary.
        training: The settings of the training.
        state: Folder of the state of an interrupted training.
        item_start: Where the item table starts, see `mclrec_tf.models.recipe`.
        callbacks: Additional callbacks. None by default.
    """
    stopping = ResumableEarlyStopping(state, training.monitor, training.patience, training.epochs)
    counts = train_model(
        model,
        data.train,
        data.validation,
        stopping,
        batches=batches_of(data.train, model, training),
        item_start=item_start,
        learning_rate_decay=training.learning_rate_decay,
        warmup_steps=training.warmup_steps,
        callbacks=[TrainingProgress(stopping), *callbacks],
        seed=training.seed,
    )
    return Trained(stopping, counts)


def batches_of(
    histories: Histories, model: mclrec_tf.MCLRec, training: TrainingSettings
) -> Callable[[int], tf.data.Dataset]:
    """The training batches of a model from an epoch on, as the settings have them."""
    return lambda first_epoch: training_batches(
        histories,
        max_length=model.encoder.max_length,
        batch_size=training.batch_size,
        schedule=training.schedule,
        seed=training.seed,
        first_epoch=first_epoch,
    )
