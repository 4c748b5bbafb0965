"""Rank of one target among all items, from scores over the catalogue.

rank = 1 + number of other candidates with a strictly higher score. The padding is never a
candidate. Two policies: `all_items` ranks every item (the paper's), `unseen_items` every item
that is not in the history; a target that is in the history cannot be recommended under
`unseen_items`, so it ranks behind every unseen item.
"""

from typing import NamedTuple

import tensorflow as tf

from mclrec_tf.layers.padded_history import cells_of

POLICIES = ("all_items", "unseen_items")


class Ranks(NamedTuple):
    """Ranks of the same targets under both policies, int64 `[B]`, from 1."""

    all_items: tf.Tensor
    unseen_items: tf.Tensor


def seen_items(history: tf.Tensor, num_items: int) -> tf.Tensor:
    """Which ids a history holds.

    Args:
        history: int `[B, S]`, item ids, padded with 0 anywhere.
        num_items: |I|.

    Returns:
        bool `[B, num_items + 1]`; column 0, the padding, is always True.
    """
    shape = tf.shape(history)
    seen = tf.scatter_nd(
        cells_of(history),
        tf.ones(shape, tf.int32),
        tf.cast(tf.stack([shape[0], num_items + 1]), history.dtype),
    )
    return (seen > 0) | (tf.range(num_items + 1) == 0)


def target_ranks(scores: tf.Tensor, targets: tf.Tensor, history: tf.Tensor) -> Ranks:
    """Ranks of the targets among all candidates, by counting: the catalogue is never sorted.

    Args:
        scores: float `[B, |I| + 1]`, a column an id. A NaN never helps: a target with score NaN
            comes last, and an item with score NaN stands before the target.
        targets: int `[B]`, ids.
        history: int `[B, S]`, the ids that count as seen, padded with 0 anywhere.
    """
    ahead = ~(scores <= tf.gather(scores, targets, batch_dims=1)[:, None])
    # Neither the padding nor the target itself (where its score is NaN) stands ahead of it.
    columns = tf.stack([tf.zeros_like(targets), targets], axis=1)
    all_items = 1 + _count(ahead) - _count(tf.gather(ahead, columns, batch_dims=1))

    items = tf.sort(history, axis=1)
    repeats = tf.pad(items[:, 1:] == items[:, :-1], [[0, 0], [1, 0]])[:, : tf.shape(items)[1]]
    is_target = items == tf.cast(targets, items.dtype)[:, None]
    seen = (items > 0) & ~repeats
    seen_ahead = seen & ~is_target & tf.gather(ahead, items, batch_dims=1)
    behind_all = tf.shape(scores, tf.int64)[1] - _count(seen)
    return Ranks(
        all_items=all_items,
        unseen_items=tf.where(
            tf.reduce_any(is_target, axis=1), behind_all, all_items - _count(seen_ahead)
        ),
    )


def _count(found: tf.Tensor) -> tf.Tensor:
    # In int32: these tables are as wide as the catalogue.
    return tf.cast(tf.reduce_sum(tf.cast(found, tf.int32), axis=1), tf.int64)
