"""What follows from a table of the neighbours of every item."""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from mclrec_tf.arguments import check_share, check_whole
from mclrec_tf.layers.padded_history import cells_of, lengths_of, most_recent


@keras.saving.register_keras_serializable("mclrec_tf")
class ItemNeighbours(keras.layers.Layer):
    """Shares that the neighbours of a history's last items have of their weights together.

    Item j has the share Σ_k decay^k · w(s_{T-k} → j) for a history s_1 … s_T, k from 0 to
    `reach` − 1, divided by the sum over all items. The table is counted, not trained; it is part
    of the saved model, takes 8 · (|I| + 1) · F bytes (400 MB for a million items and F = 50), and
    is read with operations of stock TensorFlow Serving.

    Args:
        num_items: Size of the catalogue, |I|.
        num_neighbours: Neighbours kept of each item, F.
        decay: Weight of an item's neighbours against those of the item after it, 0 to 1.
        reach: How many of a history's last items are asked for their neighbours.

    Call arguments:
        history: int `[B, L]`, oldest first, right-padded with 0.

    Returns:
        float32 `[B, |I| + 1]`, rows that sum to 1, or to 0 where there are no neighbours.

    Example:

    ```python
    import tensorflow as tf
    from mclrec_tf.data.histories import Histories
    from mclrec_tf.data.item_pairs import item_pairs, strongest
    from mclrec_tf.layers import ItemNeighbours

    histories = Histories.from_lists([[1, 2, 3], [1, 2]])
    followers = ItemNeighbours(num_items=3, num_neighbours=2)
    followers.assign(*strongest(item_pairs(histories, 3, window=1), 3, count=2))
    followers(tf.constant([[1]])).numpy()  # [[0, 0, 1, 0]]: after 1 came 2
    ```
    """

    def __init__(
        self,
        num_items: int,
        num_neighbours: int,
        decay: float = 0.6,
        reach: int = 20,
        **kwargs: Any,
    ) -> None:
        # Shares are smaller than what 16 bits can tell apart.
        super().__init__(**{**kwargs, "dtype": "float32"})
        check_whole(1, num_items=num_items, num_neighbours=num_neighbours, reach=reach)
        check_share(decay=decay)
        self.num_items = num_items
        self.num_neighbours = num_neighbours
        self.decay = decay
        self.reach = reach
        # Ids of a batch are no numbers to be cast to the dtype of the weights.
        self.autocast = False
        self.build()

    def build(self, input_shape: Any = None) -> None:
        shape = (self.num_items + 1, self.num_neighbours)
        self.neighbours = self.add_weight(
            shape=shape, dtype="int32", initializer="zeros", trainable=False, name="neighbours"
        )
        self.neighbour_weights = self.add_weight(
            shape=shape, initializer="zeros", trainable=False, name="neighbour_weights"
        )

    def assign(
        self, neighbours: npt.NDArray[np.int32], neighbour_weights: npt.NDArray[np.float32]
    ) -> None:
        """Takes a table over.

        Args:
            neighbours: `[|I| + 1, F]`, row i the neighbours of item i, padded with 0; row 0 is the
                padding's.
            neighbour_weights: `[|I| + 1, F]`, their weights; 0 for the padding.
        """
        self.neighbours.assign(neighbours)
        self.neighbour_weights.assign(neighbour_weights)

    def call(self, history: tf.Tensor) -> tf.Tensor:
        items, shares = self.listed(history)
        return tf.scatter_nd(cells_of(items), shares, [tf.shape(items)[0], self.num_items + 1])

    def listed(self, history: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The neighbours one by one, an item as often as it is a neighbour.

        Args:
            history: As in `call`.

        Returns:
            Ids int32 and their shares float32, `[B, W]`, padded with 0 anywhere; all else has none.
        """
        asked = most_recent(history, self.reach)
        shape = tf.shape(asked)
        ages = lengths_of(asked)[:, None] - tf.range(1, shape[1] + 1, dtype=asked.dtype)
        # The padding, whose age is below 0, has no neighbours.
        ages = tf.cast(tf.maximum(ages, 0), tf.float32)
        by_age = tf.pow(tf.constant(self.decay, tf.float32), ages)
        parts = by_age[:, :, None] * tf.gather(self.neighbour_weights, asked)
        width = [shape[0], shape[1] * self.num_neighbours]
        parts = tf.reshape(parts, width)
        items = tf.reshape(tf.gather(self.neighbours, asked), width)
        return items, tf.math.divide_no_nan(parts, tf.reduce_sum(parts, axis=1, keepdims=True))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_items": self.num_items,
            "num_neighbours": self.num_neighbours,
            "decay": self.decay,
            "reach": self.reach,
        }
