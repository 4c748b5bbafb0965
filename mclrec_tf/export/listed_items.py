"""Items that the rows of a batch list, each with a number: what a table would say in few cells."""

from typing import NamedTuple

import tensorflow as tf


class ListedItems(NamedTuple):
    """Of a table with a row a history and a column an id, the cells that are not 0.

    Attributes:
        keys: int64 `[N]`, rising: row · columns + id. Padding has an id that nobody asks for.
        values: float32 `[N]`.
        columns: Of the table.
    """

    keys: tf.Tensor
    values: tf.Tensor
    columns: int

    @classmethod
    def of(cls, items: tf.Tensor, values: tf.Tensor, columns: int) -> "ListedItems":
        """From rows of items, rising and then the padding, 0.

        Args:
            items: int `[B, W]`.
            values: float32 `[B, W]`.
            columns: More than any id.
        """
        keys = keys_of(rows_of(items), tf.where(items > 0, items, columns), columns)
        return cls(tf.reshape(keys, [-1]), tf.reshape(values, [-1]), columns)

    def __call__(self, rows: tf.Tensor, items: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Whether rows list items, bool `[S]`, and with which numbers, 0 where they do not.

        Args:
            rows: int32 `[S]`.
            items: int32 `[S]`, an id each.
        """
        keys = keys_of(rows, items, self.columns)
        # One more, so that there is one.
        own = tf.concat([self.keys, [tf.int64.max]], axis=0)
        place = tf.searchsorted(own, keys)
        found = tf.gather(own, place) == keys
        return found, tf.where(found, tf.gather(tf.pad(self.values, [[0, 1]]), place), 0.0)


def rows_of(items: tf.Tensor) -> tf.Tensor:
    """The row of each item, int32 `[B, W]`."""
    return tf.broadcast_to(tf.range(tf.shape(items)[0])[:, None], tf.shape(items))


def keys_of(rows: tf.Tensor, items: tf.Tensor, columns: int) -> tf.Tensor:
    """A number for each cell, which rises from row to row and along each; int64."""
    return tf.cast(rows, tf.int64) * columns + tf.cast(items, tf.int64)
