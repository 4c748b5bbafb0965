"""What users give the model: checked, and brought to the one form that the rest of the code takes.

That form is int32 `[B, L]`, oldest first, right-padded with 0. An id that the catalogue does not
hold never gets further: TensorFlow would raise an error of some operation for it, or on a GPU go
on with a vector of zeros.

Errors are `ValueError`s that name the argument. What a graph finds out while it runs comes as
`tf.errors.InvalidArgumentError`; `named_errors` makes the same `ValueError` of it.
"""

import functools
import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import keras
import numpy as np
import tensorflow as tf

from mclrec_tf.layers.padded_history import lengths_of, most_recent, right_padded
from mclrec_tf.training.gradients import NOT_FINITE

_Function = TypeVar("_Function", bound=Callable[..., Any])


class EvaluationRows(NamedTuple):
    """Histories int32 `[B, L]`, the item to rank int32 `[B]`, and bool `[B]`: is there one?"""

    history: tf.Tensor
    target: tf.Tensor
    has_target: tf.Tensor


def checked_history(history: Any, num_items: int) -> tf.Tensor:
    """Histories in the model's form.

    Args:
        history: Item ids `[B, L]` of any integer dtype, oldest first, with 0 where there is no
            item, in any position; a ragged tensor or lists of unlike length will do.
        num_items: Size of the catalogue, |I|.

    Returns:
        int32 `[B, L]`, right-padded with 0.

    Raises:
        ValueError: `history` has another shape or dtype, or an id that is not in the catalogue.
    """
    ids = _ids("history", history, num_items, _HISTORY)
    return right_padded(ids)[0]


def checked_items(name: str, items: Any, num_items: int, count: int) -> tf.Tensor:
    """Lists of items, one for each history or one for all.

    Args:
        name: Of the argument, for the error.
        items: Item ids `[B, C]` or `[C]` of any integer dtype, padded with 0; lists of unlike
            length will do, and sets.
        num_items: Size of the catalogue, |I|.
        count: B, the number of histories.

    Returns:
        int32 `[B, C]` or `[1, C]`.

    Raises:
        ValueError: `items` has another shape or dtype, or an id that is not in the catalogue.
    """
    if hasattr(items, "columns"):
        raise ValueError(f"{name} must be an array of integer ids, got {type(items).__name__}.")
    if isinstance(items, (set, frozenset, list, tuple)):
        items = [list(part) if isinstance(part, (set, frozenset)) else part for part in items]
    ids = _ids(name, items, num_items, ("[C]", "[B, C]"))
    if ids.shape.rank == 1:
        return ids[None]
    if len(ids) != count:
        raise ValueError(
            f"{name} must have a row for each history or be one list for all: there are {count} "
            f"histories, but {len(ids)} rows."
        )
    return ids


def checked_item_ids(items: Any, num_items: int) -> tf.Tensor:
    """Items, int32 `[B]`.

    Raises:
        ValueError: `items` has another shape or dtype, or an id that is not in the catalogue.
    """
    return _ids("items", items, num_items, ("[B]",))


def padded_rows(history: Any, targets: Any, num_items: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Histories as `checked_history` gives them, and targets int32 `[B]` or `[B, L]` beside them.

    Targets one a position have moved with the items of their history; those in a column `[B, 1]`
    are one a history.

    Raises:
        ValueError: As in `checked_history`; or the shapes do not fit.
    """
    history = _ids("history", history, num_items, _HISTORY)
    targets = _ids("targets", targets, num_items, ("[B]", "[B, L]"))
    one_a_history = targets.shape.rank == 1 or targets.shape[1] == 1
    common = slice(0, 1 if one_a_history else 2)
    message = "targets must have the shape [B], [B, 1] or that of the history [B, L]; got"
    if not targets.shape[common].is_compatible_with(history.shape[common]):
        raise ValueError(f"{message} {targets.shape} beside {history.shape}.")
    fits = tf.reduce_all(tf.shape(targets)[common] == tf.shape(history)[common])
    with tf.control_dependencies(_check(fits, message, tf.shape(targets))):
        if one_a_history:
            return right_padded(history)[0], tf.reshape(targets, [-1])
        history, targets = right_padded(history, tf.identity(targets))
        return history, targets


def training_rows(
    history: Any, targets: Any, num_items: int, max_length: int, num_trained: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Histories and targets as the losses take them.

    Args:
        history: As in `checked_history`, of at most `max_length` items.
        targets: Item ids `[B, L]`, the item that came next at each position of the history, 0 where
            there is none; or `[B]` or `[B, 1]`, the item that came after the whole history, which
            may then be longer: its most recent part is read.
        num_items: Size of the catalogue, |I|.
        max_length: Longest history the encoder reads, n.
        num_trained: How many of the items, the first ones, have training events.

    Returns:
        Two int32 `[B, L]`, L ≤ max_length, right-padded with 0.

    Raises:
        ValueError: As in `padded_rows`; or a history is too long, a target stands where there is
            no item to predict it from, or it is a cold item.
    """
    if _is_of_any_rank(targets):
        return _by_rank(training_rows, history, targets, num_items, max_length, num_trained)
    history, targets = padded_rows(history, targets, num_items)
    if targets.shape.rank == 1:
        history = most_recent(history, max_length)
        last = tf.maximum(lengths_of(history) - 1, 0)[:, None]
        targets = tf.where(tf.range(tf.shape(history)[1]) == last, targets[:, None], 0)
    else:
        longest = tf.reduce_max(lengths_of(history))
        message = f"history must hold at most max_length={max_length} items to be trained on, got"
        with tf.control_dependencies(_check(longest <= max_length, message, longest)):
            history, targets = history[:, :max_length], targets[:, :max_length]
    stray = tf.math.count_nonzero((targets > 0) & (history == 0), dtype=tf.int32)
    message = "targets must be 0 where the history has no item; positions where they are not:"
    checks = _check(stray == 0, message, stray)
    if num_trained < num_items:
        highest = tf.reduce_max(targets)
        message = (
            f"targets must be items from 1 to {num_trained}, because num_cold of the item features "
            "says that the others have no training event; got"
        )
        checks += _check(highest <= num_trained, message, highest)
    with tf.control_dependencies(checks):
        return history, tf.identity(targets)


def evaluation_rows(history: Any, targets: Any, num_items: int) -> EvaluationRows:
    """Histories and the item of each to be ranked.

    Args:
        history: As in `checked_history`, of any length.
        targets: Item ids `[B]` or `[B, 1]`, the item that came after the history; 0 stands for an
            item that the catalogue does not hold, which ranks behind every other. Or `[B, L]` as
            for training: the last of them is ranked, after the history up to it.
        num_items: Size of the catalogue, |I|.

    Raises:
        ValueError: As in `padded_rows`.
    """
    if _is_of_any_rank(targets):
        return EvaluationRows(*_by_rank(evaluation_rows, history, targets, num_items))
    history, targets = padded_rows(history, targets, num_items)
    if targets.shape.rank == 1:
        return EvaluationRows(history, targets, tf.ones_like(targets, tf.bool))
    positions = tf.range(1, tf.shape(targets)[1] + 1)
    count = tf.reduce_max(tf.where(targets > 0, positions, 0), axis=1, keepdims=True)
    target = tf.reduce_sum(tf.where(positions == count, targets, 0), axis=1)
    return EvaluationRows(tf.where(positions <= count, history, 0), target, count[:, 0] > 0)


def _is_of_any_rank(targets: Any) -> bool:
    """Whether a graph is made for targets of any shape, as TensorFlow does after two of them."""
    return isinstance(targets, tf.Tensor) and targets.shape.rank is None


def _by_rank(rows: Callable[..., Any], history: Any, targets: tf.Tensor, *sizes: int) -> Any:
    one_a_history = (tf.rank(targets) == 1) | (tf.shape(targets)[-1] == 1)
    by_place = [tf.shape(targets)[0], -1]
    return tf.cond(
        one_a_history,
        lambda: rows(history, tf.reshape(targets, [-1]), *sizes),
        lambda: rows(history, tf.reshape(targets, by_place), *sizes),
    )


def refuse_weights(**weights: Any) -> None:
    """Raises a `ValueError` for weights of rows or classes that are given for training."""
    for name, value in weights.items():
        if value is not None:
            raise ValueError(
                f"{name} must be left out: in training every prediction weighs the same; leave "
                "rows out or repeat them instead."
            )


def checked_weights(sample_weight: Any) -> tf.Tensor:
    """Weights of users `[B]` or `[B, 1]`, as float `[B]`.

    Raises:
        ValueError: sample_weight has another shape.
    """
    weights = tf.cast(sample_weight, keras.config.floatx())
    if weights.shape.rank != 1 and weights.shape[1:] != [1]:
        raise ValueError(f"sample_weight must have the shape [B], got {weights.shape}.")
    return tf.reshape(weights, [-1])


def named_errors(function: _Function) -> _Function:
    """Decorates what runs graphs, so that their errors are one sentence each.

    What they refuse is raised as a `ValueError`, a loss that is not finite as a
    `FloatingPointError`.
    """

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except tf.errors.InvalidArgumentError as error:
            if diverged := NOT_FINITE.search(error.message):
                raise FloatingPointError(diverged[0]) from None
            found = _REFUSAL.search(error.message)
            if found is None:
                raise
            raise ValueError(f"{found[1]} {found[2]}.") from None

    return wrapped  # type: ignore[return-value]


# How TensorFlow prints what `_check` asserts.
_REFUSAL = re.compile(r"assertion failed: \[((?:history|targets) .*?)\] \[\[?(.*?)\]", re.DOTALL)


def _check(condition: tf.Tensor, message: str, value: tf.Tensor) -> list[tf.Operation]:
    """Raises at once, or gives an operation that will, which what follows must wait for."""
    if tf.executing_eagerly():
        if not bool(condition):
            raise ValueError(f"{message} {value.numpy()}.")
        return []
    return [tf.debugging.Assert(condition, [message, value])]


_HISTORY = ("[B, L]",)


def _ids(name: str, value: Any, num_items: int, shapes: tuple[str, ...]) -> tf.Tensor:
    """Ids as int32; also those of 64 bits, once it is known that they fit."""
    ids = _tensor(name, value)
    if name == "history" and ids.shape.rank == 2 and ids.shape[1] == 0:
        ids = tf.pad(ids, [[0, 0], [0, 1]])  # the encoder needs a position, which is no item
    if not ids.dtype.is_integer:
        raise ValueError(f"{name} must be integer ids of items, got {ids.dtype.name}.")
    if ids.shape.rank not in (shape.count(",") + 1 for shape in shapes):
        raise ValueError(f"{name} must have the shape {' or '.join(shapes)}, got {ids.shape}.")
    lowest, highest = (tf.cast(m(ids), tf.int64) for m in (tf.reduce_min, tf.reduce_max))
    message = f"{name} must hold ids from 1 to num_items={num_items}, or 0 for no item; got"
    good = (lowest >= 0) & (highest <= num_items)
    with tf.control_dependencies(_check(good, message, tf.where(lowest < 0, lowest, highest))):
        return tf.cast(tf.identity(ids), tf.int32)


def _tensor(name: str, value: Any) -> tf.Tensor:
    if isinstance(value, (list, tuple)):
        value = _array(name, value)
    if isinstance(value, tf.RaggedTensor):
        value = value.to_tensor()
    try:
        return tf.convert_to_tensor(value)
    except (TypeError, ValueError):
        kind = f"one of dtype {value.dtype}" if hasattr(value, "dtype") else type(value).__name__
        raise ValueError(f"{name} must be an array of integer ids, got {kind}.") from None


def _array(name: str, rows: Any) -> Any:
    """The array that nested lists stand for; of lists of unlike length a ragged tensor."""
    try:
        array = np.asarray(rows)
    except ValueError:
        try:
            return tf.ragged.constant(rows)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name} must be lists of integer ids: {error}") from None
    return array if array.size else array.astype(np.int32)  # no ids have no dtype
