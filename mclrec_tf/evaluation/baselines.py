"""What needs no learning: rows that belong in every table of results.

A baseline is called like a model, histories in and scores over the catalogue out, so that
`rank_targets` ranks all alike. Ids run by falling frequency in the training data (the contract
of ids), so the most popular item has id 1.
"""

from dataclasses import dataclass

import tensorflow as tf

from mclrec_tf.arguments import check_whole
from mclrec_tf.layers.padded_history import cells_of


@dataclass(frozen=True)
class Popularity:
    """Recommends the items that are most frequent in the training data.

    Args:
        num_items: |I|.
    """

    num_items: int

    def __post_init__(self) -> None:
        check_whole(1, num_items=self.num_items)

    def __call__(self, history: tf.Tensor) -> tf.Tensor:
        """Scores `[B, |I| + 1]` for histories, int `[B, L]`."""
        scores = -tf.range(self.num_items + 1, dtype=tf.float32)
        return tf.tile(scores[None], [tf.shape(history)[0], 1])


@dataclass(frozen=True)
class Recency:
    """Recommends the history's own items, newest first, then the most popular ones.

    Under `unseen_items` nothing of the history is left, and this is `Popularity`.

    Args:
        num_items: |I|.
    """

    num_items: int

    def __call__(self, history: tf.Tensor) -> tf.Tensor:
        """Scores `[B, |I| + 1]` for histories, int `[B, L]`, oldest first."""
        shape = tf.shape(history)
        newness = tf.broadcast_to(tf.range(1, shape[1] + 1, dtype=tf.float32), shape)
        return tf.tensor_scatter_nd_max(
            Popularity(self.num_items)(history), cells_of(history), newness
        )
