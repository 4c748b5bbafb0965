"""The item table, shared by the encoder's input and the scores over the catalogue."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from mclrec_tf.arguments import check_whole
from mclrec_tf.layers.item_feature_embedding import ItemFeatureEmbedding


@keras.saving.register_keras_serializable("mclrec_tf")
class ItemEmbedding(keras.layers.Layer):
    """Vectors of the padding, of every item, and of the mask token.

    The table has `num_items + 2` rows: 0 is the padding, `1..num_items` are the items, and
    `num_items + 1` is the mask token, which stands for a masked item of a view. The padding's row
    learns nothing from being looked up.

    Where items have features, `features`, the vector of an item is its row and what its features
    add. Of a cold item, which no training event shows, it is what its features say alone: full
    softmax would make a row of it that says never to recommend the item.

    Args:
        num_items: Size of the catalogue, |I|.
        dim: Size of a vector, d.

    Call arguments:
        ids: int tensor of any shape, values in `0..num_items + 1`.

    Returns:
        Float tensor of shape `ids.shape + (dim,)`.

    Example:

    ```python
    import tensorflow as tf
    from mclrec_tf.layers import ItemEmbedding

    embedding = ItemEmbedding(num_items=100, dim=64)
    embedding(tf.constant([[3, 7, 0]])).shape  # (1, 3, 64)
    ```
    """

    def __init__(self, num_items: int, dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_whole(1, num_items=num_items, dim=dim)
        self.num_items = num_items
        self.dim = dim
        self.features: ItemFeatureEmbedding | None = None
        self._is_computed = False

    @property
    def num_trained(self) -> int:
        """How many items, the first ones, have training events."""
        return self.num_items - (self.features.num_cold if self.features else 0)

    @property
    def is_cold(self) -> slice:
        """The rows of the table that belong to cold items, which have no part in their vectors."""
        return slice(self.num_trained + 1, self.num_items + 1)

    @property
    def mask_token(self) -> int:
        """Id that stands for a masked item."""
        return self.num_items + 1

    def build(self, input_shape: Any = None) -> None:
        self.table = self.add_weight(
            shape=(self.num_items + 2, self.dim),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
            name="table",
        )

        if self.features is not None:
            # No weight: it follows from the others, and is not saved.
            self._computed = tf.Variable(
                tf.zeros_like(self.table), trainable=False, name="computed_table"
            )

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        if self._is_computed:
            return tf.cast(tf.gather(self._computed, ids), self.compute_dtype)
        vectors = keras.ops.take(self.table, ids, axis=0)
        is_padding = keras.ops.expand_dims(keras.ops.equal(ids, 0), -1)
        vectors = keras.ops.where(is_padding, keras.ops.stop_gradient(vectors), vectors)
        if self.features is None:
            return vectors
        is_cold = keras.ops.expand_dims((ids > self.num_trained) & (ids <= self.num_items), -1)
        own = keras.ops.where(is_cold, keras.ops.zeros_like(vectors), vectors)
        return own + keras.ops.cast(self.features(ids), own.dtype)

    def candidates(self, first: int = 0, last: int | None = None) -> tf.Tensor:
        """Vectors `first..last` of those that can be scored; row 0 is the padding.

        Args:
            first: The first id.
            last: The last one, `num_items` when left out.
        """
        end = self.num_items + 1 if last is None else last + 1
        if self._is_computed:
            return self._computed[first:end]
        if self.features is None:
            return self.table[first:end]
        trained = min(end, self.num_trained + 1)
        own = tf.pad(self.table[first:trained], [[0, end - trained], [0, 0]])
        return own + tf.cast(self.features(tf.range(first, end)), own.dtype)

    def whole_table(self) -> tf.Tensor:
        """The vectors of all ids with those of their features, `[num_items + 2, d]`."""
        return tf.concat([self.candidates(), self.table[self.mask_token :]], axis=0)

    @contextmanager
    def computed(self) -> Iterator[None]:
        """Within it, vectors of features are not added up at each call, but once at its begin.

        For all that does not train. Without features there is nothing to be computed.
        """
        if self.features is None or self._is_computed:
            yield
            return
        self._computed.assign(self.whole_table())
        self._is_computed = True
        try:
            yield
        finally:
            self._is_computed = False

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_items": self.num_items, "dim": self.dim}
