"""The real positions of padded sequences, one after the other, so that padding costs no work."""

from typing import NamedTuple

import tensorflow as tf

from mclrec_tf.layers.packing import pack

# Added to a score it stands for minus infinity; finite in float16, too.
_MASKED = -3e4


class Tokens(NamedTuple):
    """Where the T positions inside B padded sequences of width L stand.

    Layers that treat every position alike run on `[T, d]`, row by row. Attention needs tables:
    there short rows share lines, P of W cells.

    Attributes:
        cells: int64 `[T, 2]`, row and position of each token.
        visible: bool `[T]`, False at masked items: they have a position, but no other position may
            read there.
        last: int64 `[B]`, the token that ends each row.
        shape: int64 `[2]`, B and L.
        packed_cells: int64 `[T]`, the cell of each token in a packed table.
        packed_shape: int64 `[2]`, P and W.
        mask: float `[P, 1, W, W]`, to be added to scores: 0 where a cell (third axis) may read
            another (fourth), very negative elsewhere.
        reads: bool `[T, 1]`, False at tokens that may read nothing.
    """

    cells: tf.Tensor
    visible: tf.Tensor
    last: tf.Tensor
    shape: tf.Tensor
    packed_cells: tf.Tensor
    packed_shape: tf.Tensor
    mask: tf.Tensor
    reads: tf.Tensor

    @classmethod
    def of(cls, ids: tf.Tensor, lengths: tf.Tensor) -> "Tokens":
        """Tokens of ids `[B, L]` of these lengths `[B]`; an empty row has a token of padding."""
        lengths = tf.cast(tf.maximum(lengths, 1), tf.int64)
        shape = tf.shape(ids, tf.int64)
        cells = tf.where(tf.sequence_mask(lengths, shape[1]))
        row, position = cells[:, 0], cells[:, 1]
        visible = tf.gather_nd(ids, cells) > 0

        begins, lines, width = pack(lengths)
        packed_cells = tf.gather(begins, row) + position
        # The row that reads from a cell, and the row that may read it; no row is number 0.
        readers_and_read = tf.stack([row + 1, tf.where(visible, row + 1, -1)], axis=1)
        table = tf.scatter_nd(packed_cells[:, None], readers_and_read, [lines * width, 2])
        table = tf.reshape(table, [lines, width, 2])
        before = tf.range(width)[:, None] >= tf.range(width)
        readable = before & (table[:, :, None, 0] == table[:, None, :, 1])
        reads = tf.gather(tf.reshape(tf.reduce_any(readable, axis=2), [-1, 1]), packed_cells)
        mask = tf.where(readable[:, None], 0.0, _MASKED)
        return cls(
            cells,
            visible,
            tf.cumsum(lengths) - 1,
            shape,
            packed_cells,
            tf.stack([lines, width]),
            mask,
            reads,
        )

    @property
    def rows(self) -> tf.Tensor:
        """Row of each token, int64 `[T]`."""
        return self.cells[:, 0]

    @property
    def positions(self) -> tf.Tensor:
        """Position of each token in its row, int64 `[T]`."""
        return self.cells[:, 1]

    @property
    def positions_from_end(self) -> tf.Tensor:
        """How many tokens of its row come after each token, int64 `[T]`."""
        return tf.gather(self.last, self.rows) - tf.range(tf.size(self.rows, tf.int64))

    def flat(self, padded: tf.Tensor) -> tf.Tensor:
        """`[B, L, …]` → `[T, …]`."""
        return tf.gather_nd(padded, self.cells)

    def padded(self, flat: tf.Tensor) -> tf.Tensor:
        """`[T, d]` → `[B, L, d]`, 0 outside the sequences."""
        return tf.scatter_nd(
            self.cells, flat, tf.concat([self.shape, tf.shape(flat, tf.int64)[1:]], axis=0)
        )

    def packed(self, flat: tf.Tensor) -> tf.Tensor:
        """`[T, d]` → `[P, W, d]`, 0 in cells without a token."""
        size = tf.reduce_prod(self.packed_shape)
        table = tf.scatter_nd(self.packed_cells[:, None], flat, [size, flat.shape[1]])
        return tf.reshape(table, [*tf.unstack(self.packed_shape), flat.shape[1]])

    def unpacked(self, packed: tf.Tensor) -> tf.Tensor:
        """`[P, W, d]` → `[T, d]`."""
        return tf.gather(tf.reshape(packed, [-1, packed.shape[2]]), self.packed_cells)
