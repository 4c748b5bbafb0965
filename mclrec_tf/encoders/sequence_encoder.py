"""The contract of every encoder."""

from typing import Any

import keras
import tensorflow as tf

from mclrec_tf.layers.item_embedding import ItemEmbedding


class SequenceEncoder(keras.layers.Layer):
    """Turns histories of item ids into one vector a position; base of all encoders.

    A subclass implements `encode(inputs, real, training)` and, in `build`, calls
    `super().build(input_shape)` and builds its own layers. It must be causal: the output at a
    position may depend on that position and the ones before it alone.

    Args:
        num_items: Size of the catalogue, |I|.
        dim: Size of the vectors, d.
        max_length: Longest history the encoder reads, n; the model keeps the most recent n.

    Call arguments:
        ids: int tensor `[B, L]`, L ≤ max_length, oldest first, right-padded with 0.
        training: Whether dropout is active.

    Returns:
        Float tensor `[B, L, dim]`.
    """

    def __init__(self, num_items: int, dim: int = 64, max_length: int = 50, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if max_length < 1:
            raise ValueError(f"max_length must be at least 1, got {max_length}.")
        self.num_items = num_items
        self.dim = dim
        self.max_length = max_length
        self.item_embedding = ItemEmbedding(num_items, dim, name="item_embedding")

    def build(self, input_shape: Any = None) -> None:
        self.item_embedding.build()

    def call(self, ids: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        if ids.shape[1] is not None and ids.shape[1] > self.max_length:
            raise ValueError(
                f"ids has {ids.shape[1]} positions, but max_length is {self.max_length}: cut the "
                "histories first, as training_batches does."
            )
        return self.encode(self.item_embedding(ids), ids > 0, training)

    def encode(self, inputs: tf.Tensor, real: tf.Tensor, training: bool | None) -> tf.Tensor:
        """Encodes item vectors `[B, L, d]`; `real` `[B, L]` is False at padding."""
        raise NotImplementedError(f"{type(self).__name__} must implement encode().")

    def compute_mask(self, ids: tf.Tensor, mask: Any = None) -> tf.Tensor:
        return ids > 0

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_items": self.num_items,
            "dim": self.dim,
            "max_length": self.max_length,
        }
