"""A whole training on the histories of a log, as a preset has it: all its steps, in one place."""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from mclrec_tf.arguments import check_whole
from mclrec_tf.data.batches import evaluation_batches, held_out_items, training_batches
from mclrec_tf.data.histories import HeldOut, Histories
from mclrec_tf.models.count_weights import FittedWeights, fit_count_weights
from mclrec_tf.models.item_start import ITEM_STARTS, start_from_co_occurrence
from mclrec_tf.models.next_item_model import NextItemTraining
from mclrec_tf.models.presets import get_preset
from mclrec_tf.training.early_stopping import ResumableEarlyStopping
from mclrec_tf.training.learning_rate import LearningRateCourse


def train_model(
    model: NextItemTraining,
    histories: Histories,
    validation: HeldOut,
    stopping: ResumableEarlyStopping,
    *,
    batches: Callable[[int], tf.data.Dataset] | None = None,
    item_start: str | None = None,
    learning_rate_decay: str | None = None,
    warmup_steps: int = 0,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    seed: int = 0,
) -> FittedWeights | None:
    """Trains a model with early stopping; it ends with the weights of its best epoch.

    In this order: the item table starts from co-occurrence, the encoder (and with it the
    augmenters) is trained while its learning rate falls, the best epoch's weights are restored, and
    the weights of what was counted are learned. What is left out is the preset's. A training that
    was killed goes on where its last whole epoch left it, and one that is finished is not repeated.

    Whether weights are averaged and what is counted come with the model.

    Args:
        model: The compiled model. The rate of its optimizer, a number, is the highest of the
            course.
        histories: The training part of each user, oldest first.
        validation: The held-out items that decide the best epoch and the weights of the counts.
        stopping: Says what decides, and where the training keeps its state; if it has no `epochs`,
            it gets the preset's. Afterwards it holds the logs of every epoch.
        batches: The training batches from an epoch on, of known number if `stopping` has no
            `epochs`; `training_batches` of the histories, with the `seed`, when left out.
        item_start: `"co_occurrence"`, or `"random"`, which leaves the item table as it is, for a
            warm start too.
        learning_rate_decay: `"cosine"`, or `"none"`, see `LearningRateCourse`.
        warmup_steps: Steps in which the rate rises.
        callbacks: Further callbacks; `stopping` records what they add to the logs.
        seed: Of the batches' order and of the start.

    Returns:
        What `fit_count_weights` found; None for a model without counts.

    Raises:
        ValueError: An argument is none of its values or does not fit the model, the model is not
            compiled or its optimizer has a schedule of its own, or the state in the folder of
            `stopping` is of another model or damaged.
        FloatingPointError, tf.errors.OpError: As of `ResumableEarlyStopping`.

    Example:

    ```python
    import tempfile
    from mclrec_tf.data.histories import Histories, leave_one_out
    from mclrec_tf.models.building import build_model
    from mclrec_tf.models.recipe import train_model
    from mclrec_tf.training.early_stopping import ResumableEarlyStopping

    lists = [[1, 2, 3, 4], [2, 3, 4, 5], [3, 4, 5, 1]]
    train, validation, test = leave_one_out(Histories.from_lists(lists))
    model = build_model(num_items=5, dim=8)
    stopping = ResumableEarlyStopping(tempfile.mkdtemp(), epochs=2)
    train_model(model, train, validation, stopping)
    len(stopping.history)  # 2
    ```
    """
    _check(model, histories, validation, stopping, seed)
    preset = get_preset(model.preset)
    item_start = preset.item_start if item_start is None else item_start
    if item_start not in ITEM_STARTS:
        raise ValueError(f"item_start must be one of {ITEM_STARTS}, got {item_start!r}.")
    if not isinstance(model.optimizer.learning_rate, keras.Variable):
        raise ValueError(
            "model: the learning rate of its optimizer must be a number, not a schedule: "
            "learning_rate_decay says how it falls."
        )
    batches_from = batches or (
        lambda first_epoch: training_batches(
            histories, max_length=model.encoder.max_length, seed=seed, first_epoch=first_epoch
        )
    )
    if stopping.epochs is None:
        stopping.epochs = preset.epochs(len(batches_from(0)))
    course = LearningRateCourse(
        float(model.optimizer.learning_rate),  # before a state is restored, which has a fallen one
        stopping.epochs,
        preset.learning_rate_decay if learning_rate_decay is None else learning_rate_decay,
        warmup_steps,
    )
    done = stopping.restore(model)
    if stopping.is_finished:
        stopping.restore_best()
        model.optimizer.learning_rate = course.learning_rate
    else:
        if model.counts is not None:  # after a warm start: the metric is that of the encoder
            model.counts.feature_weights.assign(tf.zeros_like(model.counts.feature_weights))
        if not done and item_start == "co_occurrence":
            start_from_co_occurrence(model.encoder, histories, seed)
        model.fit(
            batches_from(done),
            initial_epoch=done,
            epochs=stopping.epochs,
            validation_data=evaluation_batches(*validation),
            callbacks=[course, *callbacks, stopping],
            verbose=0,
        )
    return None if model.counts is None else fit_count_weights(model, *validation)


def _check(
    model: NextItemTraining,
    histories: Histories,
    validation: HeldOut,
    stopping: ResumableEarlyStopping,
    seed: int,
) -> None:
    """Refuses before a training what would fail in it, or after it."""
    for name, value, kind in (
        ("model", model, NextItemTraining),
        ("histories", histories, Histories),
        ("stopping", stopping, ResumableEarlyStopping),
    ):
        if not isinstance(value, kind):
            raise ValueError(f"{name} must be a {kind.__name__}, got {value!r}.")
    if not model.compiled:
        raise ValueError("model must be compiled: its optimizer says the highest learning rate.")
    check_whole(0, seed=seed)
    trained = model.encoder.item_embedding.num_trained
    if int(histories.items.max(initial=0)) > trained:
        raise ValueError(
            f"histories: item {histories.items.max()} has training events, but only items 1 to "
            f"{trained} of the model do: num_cold of its item features is wrong."
            if trained < model.num_items
            else f"histories: item {histories.items.max()} is not among the {trained} of the model."
        )
    if not isinstance(validation, tuple) or len(validation) != 2:
        raise ValueError(f"validation must be histories and their targets, got {validation!r}.")
    targets = held_out_items(*validation)
    if model.counts is not None and not ((targets > 0) & (validation[0].lengths > 0)).any():
        raise ValueError("validation: no user has both a history and a target in the catalogue.")
