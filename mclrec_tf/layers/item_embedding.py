"""The item table, shared by the encoder's input and the scores over the catalogue."""

from typing import Any

import keras
import tensorflow as tf

from mclrec_tf.arguments import check_whole


@keras.saving.register_keras_serializable("mclrec_tf")
class ItemEmbedding(keras.layers.Layer):
    """Vectors of the padding, of every item, and of the mask token.

    The table has `num_items + 2` rows: 0 is the padding, `1..num_items` are the items, and
    `num_items + 1` is the mask token, which stands for a masked item of a view. The padding's row
    learns nothing from being looked up.

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

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        vectors = keras.ops.take(self.table, ids, axis=0)
        is_padding = keras.ops.expand_dims(keras.ops.equal(ids, 0), -1)
        return keras.ops.where(is_padding, keras.ops.stop_gradient(vectors), vectors)

    def candidates(self, first: int = 0) -> tf.Tensor:
        """Rows `first..num_items` of the table, those that can be scored; row 0 is the padding."""
        return self.table[first : self.num_items + 1]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_items": self.num_items, "dim": self.dim}
