"""Rank of one target among all items, from scores over the catalogue.

rank = 1 + number of other candidates with a strictly higher score. The padding is never a
candidate. Two policies: `all_items` ranks every item (the paper's), `unseen_items` every item
that is not in the history; a target that is in the history cannot be recommended under
`unseen_items`, so it ranks behind every unseen item.
"""

from typing import NamedTuple

import tensorflow as tf

from mclrec_tf.history import cells_of

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


def target_ranks(scores: tf.Tensor, targets: tf.Tensor, seen: tf.Tensor) -> Ranks:
    """Ranks of the targets among all candidates.

    Args:
        scores: float `[B, |I| + 1]`, a column an id. A NaN never helps: a target with score NaN
            comes last, and an item with score NaN stands before the target.
        targets: int `[B]`, ids.
        seen: bool `[B, |I| + 1]`, as `seen_items` returns it.
    """
    target_scores = tf.gather(scores, targets, batch_dims=1)[:, None]
    ids = tf.range(tf.shape(scores)[1], dtype=targets.dtype)
    others = (ids[None] != targets[:, None]) & (ids > 0)[None]
    ahead = ~(scores <= target_scores) & others
    target_seen = tf.gather(seen, targets, batch_dims=1)[:, None]
    return Ranks(
        all_items=_count(ahead),
        unseen_items=_count((ahead | target_seen) & others & ~seen),
    )


def _count(ahead: tf.Tensor) -> tf.Tensor:
    return 1 + tf.math.count_nonzero(ahead, axis=1, dtype=tf.int64)
