"""What the scores of a catalogue are at most, from a part of each vector."""

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from mclrec_tf.export.balanced_directions import BalancedDirections

GROUP = 64
"""Items, by id, whose bounds are compared together."""

OUT = float(tf.float32.min)
"""Bound of what is never recommended."""

_ROWS = 65_536  # of the item table, turned at once


class ScoreBounds(tf.Module):
    """A table whose product with some numbers of a history is no less than any score.

    A score is the inner product v·e of a history and an item, and what depends on the item alone.
    With the p leading `BalancedDirections`,

        v·e ≤ Σ_{i ≤ p} v'_i e'_i + |v'_{>p}| |e'_{>p}| + rounding

    where primes are coordinates in these directions. Each term is a product of something of the
    history with something of the item, so a bound is one inner product of p + 5 numbers: the
    others are the two lengths, the rounding, the popularity ranking that an empty history gets,
    what is added to some items for every other history, and whether an id is an item at all.

    The table is stored by direction, `[p + 5, columns]`: the product with few histories is then
    quicker. There are as many columns as make whole groups of `GROUP` ids.

    Args:
        items: float32 `[|I| + 1, d]`, the items' vectors; row 0 is the padding's.
        added: float32 `[|I| + 1]`, what is added to the scores of each item.
        directions: In which the bounds are made.
        count: How many leading ones, p.
    """

    def __init__(
        self,
        items: npt.NDArray[np.float32],
        added: npt.NDArray[np.float32],
        directions: BalancedDirections,
        count: int,
    ) -> None:
        super().__init__(name="score_bounds")
        ids, dim = items.shape
        self.num_groups = -(-ids // GROUP)
        turn = np.linalg.norm(directions.of_queries)
        table = np.zeros((count + 5, self.num_groups * GROUP), np.float32)
        table[-1, 0] = table[-1, ids:] = OUT
        for begin in range(0, ids, _ROWS):
            part = items[begin : begin + _ROWS].astype(np.float64)
            turned = part @ directions.of_items
            of_part = table[:, begin : begin + len(part)]
            of_part[:count] = turned[:, :count].T
            of_part[count] = np.linalg.norm(turned[:, count:], axis=1)
            of_part[count + 1] = turn * np.linalg.norm(turned, axis=1)
            of_part[count + 1] += np.linalg.norm(part, axis=1)
        table[count + 2, 1:ids] = -np.log(np.arange(1, ids, dtype=np.float32))
        table[count + 3, :ids] = added
        self._table = tf.Variable(table, trainable=False, name="table")
        self._count = count
        self._of_queries = tf.constant(directions.of_queries, tf.float32)
        # Sums of this many products differ by no more, in any order.
        self._rounding = 4 * (dim + count + 5) * 2.0**-24

    def __call__(self, vectors: tf.Tensor, is_empty: tf.Tensor) -> tf.Tensor:
        """Bounds of all scores, float32 `[B, num_groups * GROUP]`, a column an id.

        Args:
            vectors: float32 `[B, d]`, those of the histories; 0 for an empty one.
            is_empty: bool `[B]`.
        """
        turned = tf.matmul(vectors, self._of_queries)
        empty = tf.cast(is_empty, tf.float32)[:, None]
        of_histories = [
            turned[:, : self._count],
            tf.norm(turned[:, self._count :], axis=1, keepdims=True),
            self._rounding * tf.norm(vectors, axis=1, keepdims=True),
            empty,
            1 - empty,
            tf.ones_like(empty),
        ]
        return tf.matmul(tf.concat(of_histories, axis=1), self._table)

    def popularity(self, items: tf.Tensor) -> tf.Tensor:
        """The scores of items `[S]` for an empty history, which are their bounds, to the bit."""
        return tf.gather(self._table[self._count + 2], items)
