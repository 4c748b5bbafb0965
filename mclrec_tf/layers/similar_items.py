"""View operations that put similar items into a history."""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from mclrec_tf.layers.padded_history import most_recent, without_gaps
from mclrec_tf.layers.view_operations import View, ViewOperation


class SimilarItems(ViewOperation):
    """Base of the operations that need to know which items are similar.

    They concern `max(1, floor(ratio * length))` items of a history, as in the authors' code.

    Args:
        neighbours: int `[num_items + 1, k]`, the items similar to each, as `similar_items` of
            `mclrec_tf.data.item_similarity` finds them; one of the k is drawn each time. It is
            saved with the operation.
        ratio: Share of the history.
    """

    def __init__(self, neighbours: npt.ArrayLike, ratio: float, **kwargs: Any) -> None:
        super().__init__(ratio, **kwargs)
        self.neighbours = np.asarray(neighbours, np.int32)
        if self.neighbours.ndim != 2 or 0 in self.neighbours.shape:
            raise ValueError(
                f"neighbours must have the shape [num_items + 1, k], got {self.neighbours.shape}."
            )
        if (self.neighbours[1:] < 1).any():
            raise ValueError("neighbours: every item needs k items similar to it, ids from 1.")

    def chosen(self, view: View) -> tf.Tensor:
        """Marks the items concerned, bool `[B, L]`."""
        size = tf.minimum(tf.maximum(self.share(view.lengths), 1), view.lengths)
        return self.random_places(view, size)

    def similar(self, ids: tf.Tensor) -> tf.Tensor:
        """An item similar to each, of the shape of `ids`."""
        count = self.neighbours.shape[1]
        draw = tf.cast(self.uniform(tf.shape(ids)) * count, ids.dtype)
        flat = tf.constant(self.neighbours.reshape(-1), ids.dtype)
        return tf.gather(flat, ids * count + tf.minimum(draw, count - 1))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "neighbours": self.neighbours.tolist()}


@keras.saving.register_keras_serializable("mclrec_tf")
class Substitute(SimilarItems):
    """Replaces random items by similar ones.

    Args:
        neighbours: int `[num_items + 1, k]`, the items similar to each.
        ratio: Share of the history to replace; one item at least.

    Example:

    ```python
    neighbours = similar_items(train, num_items)
    StochasticViews([Mask(0.5), Substitute(neighbours), Insert(neighbours)])
    ```

    Reference:
        CoSeRec, Liu et al., 2021, arXiv 2108.06479.
    """

    def __init__(self, neighbours: npt.ArrayLike, ratio: float = 0.2, **kwargs: Any) -> None:
        super().__init__(neighbours, ratio, **kwargs)

    def call(self, view: View) -> View:
        return View(tf.where(self.chosen(view), self.similar(view.ids), view.ids), view.lengths)


@keras.saving.register_keras_serializable("mclrec_tf")
class Insert(SimilarItems):
    """Puts a similar item before each of some random items.

    Args:
        neighbours: int `[num_items + 1, k]`, the items similar to each.
        ratio: Share of the history before which something is put; one item at least.
        max_length: Longest history the encoder reads; of a longer view the most recent part is
            kept.

    Reference:
        CoSeRec, Liu et al., 2021, arXiv 2108.06479.
    """

    def __init__(
        self, neighbours: npt.ArrayLike, ratio: float = 0.4, max_length: int = 50, **kwargs: Any
    ) -> None:
        super().__init__(neighbours, ratio, **kwargs)
        self.max_length = max_length

    def call(self, view: View) -> View:
        chosen = self.chosen(view)
        inserted = tf.where(chosen, self.similar(view.ids), 0)
        # Each item behind what is put before it; then what is there moves together to the front.
        shape = tf.shape(view.ids)
        both = tf.reshape(tf.stack([inserted, view.ids], axis=2), [shape[0], 2 * shape[1]])
        ids = most_recent(without_gaps(both), self.max_length)
        lengths = view.lengths + tf.math.count_nonzero(chosen, axis=1, dtype=view.lengths.dtype)
        lengths = tf.minimum(lengths, self.max_length)
        return View(ids[:, : tf.reduce_max(lengths)], lengths)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "max_length": self.max_length}
