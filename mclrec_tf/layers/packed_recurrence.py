"""A recurrent cell over sequences of any lengths, without a step for padding."""

from typing import NamedTuple

import keras
import tensorflow as tf


class Steps(NamedTuple):
    """The T positions of B sequences, ordered by position: first of all sequences, then second, ….

    The longest sequence comes first among equal positions, so that those which go on stand at the
    beginning of the state at every step.

    Attributes:
        cells: int64 `[T, 2]`, row and position of each.
        counts: int32 `[L]`, how many sequences go on at each position, falling.
        last: int64 `[B]`, where in T the last position of each sequence is.
    """

    cells: tf.Tensor
    counts: tf.Tensor
    last: tf.Tensor

    @classmethod
    def of(cls, lengths: tf.Tensor) -> "Steps":
        """Steps of sequences of these lengths `[B]`; an empty one has a position of padding."""
        lengths = tf.maximum(tf.cast(lengths, tf.int64), 1)
        by_length = tf.cast(tf.argsort(lengths, direction="DESCENDING"), tf.int64)
        longest = tf.reduce_max(tf.concat([lengths, [1]], axis=0))  # one step of none for no rows
        going_on = tf.transpose(tf.sequence_mask(tf.gather(lengths, by_length), longest))
        place_and_rank = tf.where(going_on)
        rows = tf.gather(by_length, place_and_rank[:, 1])
        counts = tf.reduce_sum(tf.cast(going_on, tf.int32), axis=1)
        begins = tf.cumsum(tf.cast(counts, tf.int64), exclusive=True)
        return cls(
            cells=tf.stack([rows, place_and_rank[:, 0]], axis=1),
            counts=counts,
            last=tf.gather(begins, lengths - 1) + tf.math.invert_permutation(by_length),
        )

    def states(self, cell: keras.layers.Layer, inputs: tf.Tensor) -> tf.Tensor:
        """The state of a cell after each position, `[T, d] → [T, units]`; it starts at 0.

        Args:
            cell: A Keras RNN cell with one state, such as `GRUCell`.
            inputs: Of each position, in the order of `cells`.
        """
        num_steps = tf.size(self.counts)
        per_step = tf.TensorArray(inputs.dtype, num_steps, infer_shape=False)
        per_step = per_step.split(inputs, self.counts)
        done = tf.TensorArray(
            inputs.dtype, num_steps, infer_shape=False, element_shape=[None, cell.units]
        )

        def step(index: tf.Tensor, state: tf.Tensor, done: tf.TensorArray) -> tuple:
            now = tf.ensure_shape(per_step.read(index), [None, inputs.shape[1]])
            _, [state] = cell(now, [state[: self.counts[index]]])
            return index + 1, state, done.write(index, state)

        _, _, done = tf.while_loop(
            lambda index, *_: index < num_steps,
            step,
            (0, tf.zeros([self.counts[0], cell.units], inputs.dtype), done),
            shape_invariants=(
                tf.TensorShape([]),
                tf.TensorShape([None, cell.units]),
                tf.TensorShape(None),
            ),
        )
        return tf.ensure_shape(done.concat(), [None, cell.units])
