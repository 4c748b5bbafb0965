"""Builds and trains the model that `RunSettings` describe; a training that was killed resumes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from benchmarks.authors_schedule import AuthorsMCLRec, PlainSASRec, authors_batches
from benchmarks.settings import RunSettings, usable
from mclrec_tf import ItemCounts, MCLRec, NextItemModel, SequenceEncoder
from mclrec_tf.data.batches import training_batches
from mclrec_tf.data.histories import HeldOut, Histories
from mclrec_tf.data.item_similarity import similar_items
from mclrec_tf.encoders import ENCODERS
from mclrec_tf.encoders.encoder_ensemble import encoder_of
from mclrec_tf.models.building import build_model, encoder_optimizer
from mclrec_tf.models.count_weights import FittedWeights
from mclrec_tf.models.next_item_model import NextItemTraining
from mclrec_tf.models.recipe import train_model
from mclrec_tf.training.early_stopping import ResumableEarlyStopping
from pipeline.components.trainer.training_progress import TrainingProgress
from serving.export_contract import HISTORY_LENGTH

_OF_THE_ENCODER = ("dim", "num_layers", "num_heads", "max_length", "dropout")
_OF_MCLREC = (
    *("preset", "lambda_", "beta", "regularization", "temperature", "views", "share_augmenters"),
    *("label_smoothing", "item_dropout", "similarity", "learned_temperature"),
    *("mask", "crop", "reorder", "augmenter_learning_rate"),
)
_SCHEDULES = {"ours": "causal", "prefix": "prefix"}


class Trained(NamedTuple):
    """A model with the weights of its best epoch, the logs of every epoch, and counts' weights."""

    model: NextItemTraining
    history: list[dict[str, float]]
    counts: FittedWeights | None


def train(
    settings: RunSettings,
    histories: Histories,
    validation: HeldOut,
    num_items: int,
    seed: int,
    state: Path,
    start: Callable[[NextItemTraining], object] | None = None,
) -> Trained:
    """Trains with early stopping on validation.

    Args:
        settings: Model, objective, optimizer and schedule.
        histories: The training part of each user.
        validation: Held-out items that decide the best epoch.
        num_items: Size of the catalogue, |I|.
        seed: Seed of weights, order, views and dropout.
        state: Folder of the unfinished training, from which it resumes.
        start: Called with the new model before its first epoch, for example for a warm start,
            instead of what the settings start from.

    Raises:
        UnusableSettings: There is no such model.
    """
    with usable():
        keras.utils.set_random_seed(seed)
        model = model_of(settings, histories, num_items, seed)
    if start:
        start(model)
    stopping = ResumableEarlyStopping(state, settings.monitor, settings.patience, settings.epochs)
    counts = train_model(
        model,
        histories,
        validation,
        stopping,
        batches=lambda first_epoch: batches_of(settings, histories, seed, first_epoch),
        item_start="random" if start else settings.item_start,
        learning_rate_decay=settings.learning_rate_decay,
        warmup_steps=settings.warmup_steps,
        callbacks=[EpochTimes(), TrainingProgress(stopping)],
        seed=seed,
    )
    return Trained(model, stopping.history, counts)


@contextmanager
def without_counts(model: NextItemTraining) -> Iterator[None]:
    """Within it, what the model has counted does not join its scores."""
    assert model.counts is not None
    weights = model.counts.feature_weights
    learned = weights.numpy()
    weights.assign(tf.zeros_like(learned))
    try:
        yield
    finally:
        weights.assign(learned)


def model_of(
    settings: RunSettings, histories: Histories, num_items: int, seed: int
) -> NextItemTraining:
    """The compiled model, not yet trained.

    Raises:
        ValueError: The schedule has no such encoder, rule or use of views, or the encoder no such
            positions.
    """
    by_authors = settings.schedule == "authors"
    make_encoder = _encoder_class(settings)
    optimizer = encoder_optimizer(
        settings.learning_rate,
        weight_decay=settings.weight_decay,
        clipnorm=settings.clipnorm,
        ema=settings.ema,
    )
    counts = None
    if settings.counts:
        reads = max(settings.max_length, HISTORY_LENGTH)  # as in the pipeline
        counts = ItemCounts.from_histories(histories, num_items, max_length=reads)
    assert settings.members is not None  # settings_for leaves nothing out
    shape = {name: getattr(settings, name) for name in _OF_THE_ENCODER}
    if settings.positions != "default":
        shape["positions"] = settings.positions
    if settings.is_encoder_alone and not by_authors:
        given = {name: value for name, value in shape.items() if value is not None}
        alone = NextItemModel(
            encoder_of(make_encoder, settings.members, num_items, **given),
            settings.preset,
            settings.label_smoothing,
            settings.item_dropout,
            counts=counts,
        )
        alone.compile(optimizer)
        return alone
    return build_model(
        num_items,
        **shape,
        members=settings.members,
        **{name: getattr(settings, name) for name in _OF_MCLREC},
        encoder=make_encoder,
        model_class=AuthorsMCLRec if by_authors else MCLRec,
        update_rule=settings.update_rule or None,
        similar_items=similar_items(histories, num_items) if settings.similar_items else None,
        counts=counts,
        seed=seed,
        optimizer=optimizer,
    )


def _encoder_class(settings: RunSettings) -> Callable[..., SequenceEncoder]:
    if not settings.fits_schedule:
        raise ValueError(
            "--schedule authors has one encoder, post_norm_sasrec, with its own positions, and the "
            "authors' own update rule and use of views."
        )
    if settings.schedule == "authors":
        return PlainSASRec
    assert settings.encoder is not None  # settings_for leaves nothing out
    return ENCODERS[settings.encoder]


def batches_of(
    settings: RunSettings, histories: Histories, seed: int, first_epoch: int
) -> tf.data.Dataset:
    """The training batches from an epoch on, by the schedule of the settings."""
    if settings.schedule == "authors":
        return authors_batches(
            histories, settings.batch_size, settings.max_length, seed, first_epoch
        )
    return training_batches(
        histories,
        max_length=settings.max_length,
        batch_size=settings.batch_size,
        schedule=_SCHEDULES[settings.schedule],
        seed=seed,
        first_epoch=first_epoch,
    )


class EpochTimes(keras.callbacks.Callback):
    """Adds the seconds of training and of validation to the logs of each epoch."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._began = monotonic()

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._trained = monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        assert logs is not None
        logs["training_seconds"] = self._trained - self._began
        logs["validation_seconds"] = monotonic() - self._trained
