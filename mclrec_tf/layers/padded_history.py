"""Padded histories: int tensors `[B, L]` of item ids, oldest first, right-padded with 0."""

import tensorflow as tf


def lengths_of(history: tf.Tensor) -> tf.Tensor:
    """Items of each history, `[B]`."""
    return tf.math.count_nonzero(history, axis=1, dtype=history.dtype)


def most_recent(history: tf.Tensor, count: int) -> tf.Tensor:
    """The last `count` items of each history, again right-padded."""
    if history.shape[1] is not None and history.shape[1] <= count:
        return history
    width = tf.minimum(tf.shape(history)[1], count)
    start = tf.maximum(lengths_of(history) - width, 0)
    return tf.gather(history, start[:, None] + tf.range(width, dtype=start.dtype), batch_dims=1)


def without_gaps(ids: tf.Tensor) -> tf.Tensor:
    """Rows with 0 in any position, int `[B, L]`: their items in the same order, then the zeros."""
    return tf.gather(ids, _zeros_last(ids), batch_dims=1)


def right_padded(history: tf.Tensor, *others: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Rows with 0 in any position, int `[B, L]`, and others beside them: the zeros moved last.

    Nothing is sorted where there is nothing to do, which is the rule.
    """

    def moved() -> tuple[tf.Tensor, ...]:
        order = _zeros_last(history)
        return tuple(tf.gather(ids, order, batch_dims=1) for ids in (history, *others))

    gaps = tf.reduce_any((history[:, :-1] == 0) & (history[:, 1:] != 0))
    return tf.cond(gaps, moved, lambda: (history, *others))


def _zeros_last(ids: tf.Tensor) -> tf.Tensor:
    return tf.argsort(tf.cast(ids == 0, tf.int32), axis=1, stable=True)


def cells_of(history: tf.Tensor) -> tf.Tensor:
    """The position of each item in a table with a row a history and a column an id, `[B, L, 2]`."""
    shape = tf.shape(history)
    row = tf.broadcast_to(tf.range(shape[0], dtype=history.dtype)[:, None], shape)
    return tf.stack([row, history], axis=-1)
