"""Short rows share the lines of a table, so that little of it is padding."""

from typing import NamedTuple

import tensorflow as tf

# A line has 1, 2, 4 or 8 parts, and a row of n parts takes up the next such number. The widths
# divide one another: laid out by falling width, no row runs over the end of a line.
_TAKEN = (1, 1, 2, 4, 4, 8, 8, 8, 8)
_MOST_PARTS = 8
# Parts narrower than this would save nothing.
_PART = 8


class Packing(NamedTuple):
    """Where rows stand in a table of P lines of W cells.

    Attributes:
        begins: int64 `[B]`, the cell at which each row begins; cells count through all lines.
        lines: int64 scalar, P.
        width: int64 scalar, W: the longest row's length, or a few cells more.
    """

    begins: tf.Tensor
    lines: tf.Tensor
    width: tf.Tensor


def pack(lengths: tf.Tensor) -> Packing:
    """Lays out rows of these lengths, int64 `[B]`, each at least 1; no row is split."""
    taken = tf.constant(_TAKEN, tf.int64)
    longest = tf.maximum(tf.reduce_max(lengths), 1)
    parts = tf.gather(taken, tf.minimum(_ceil(longest, _PART), _MOST_PARTS))
    part = _ceil(longest, parts)
    sizes = tf.gather(taken, _ceil(lengths, part))
    by_size = tf.argsort(sizes, direction="DESCENDING")
    begins = part * tf.cumsum(tf.gather(sizes, by_size), exclusive=True)
    return Packing(
        begins=tf.scatter_nd(by_size[:, None], begins, tf.shape(lengths)),
        lines=_ceil(tf.reduce_sum(sizes), parts),
        width=part * parts,
    )


def _ceil(dividend: tf.Tensor, divisor: tf.Tensor | int) -> tf.Tensor:
    return -(-dividend // divisor)
