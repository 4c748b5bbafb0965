"""The contract of every encoder."""

from typing import Any

import keras
import tensorflow as tf

from mclrec_tf.arguments import check_share, check_whole
from mclrec_tf.layers.item_embedding import ItemEmbedding
from mclrec_tf.layers.padded_history import lengths_of


def check_dropout(dropout: float) -> None:
    """Raises a `ValueError` unless it is a share that leaves something."""
    check_share(dropout=dropout)
    if dropout == 1:
        raise ValueError(f"dropout must lie in 0..1 and be less than 1, got {dropout}.")


class SequenceEncoder(keras.layers.Layer):
    """Turns histories of item ids into one vector a position; base of all encoders.

    A subclass implements `encode(ids, lengths, training)` and, in `build`, calls
    `super().build(input_shape)` and builds its own layers. It must be causal: the output at a
    position may depend on the items at that position and the ones before it alone; of those after
    it, it may know how many there are, as an encoder does that counts positions from the end.
    Where the vector at the last position can be had for less than all of them, it overrides
    `encode_last` too. It looks items up by `self.item_embedding` each time, and does not keep that
    in a layer of its own: an encoder that joins an ensemble gets another.

    Args:
        num_items: Size of the catalogue, |I|.
        dim: Size of the vectors, d.
        max_length: Longest history the encoder reads, n; the model keeps the most recent n.

    Call arguments:
        ids: int tensor `[B, L]`, L ≤ max_length, oldest first, right-padded with 0. A 0 before
            a sequence's end is a masked item: it has a position, but nothing may be read there.
        lengths: int tensor `[B]`, positions of each sequence; what is not 0, when left out, which
            is right where no item is masked.
        last_only: Whether only the vectors at the last position of each sequence are wanted.
        training: Whether dropout is active.

    Returns:
        Float tensor `[B, L, dim]`; `[B, dim]` with `last_only`.

    Raises:
        ValueError: A size is below 1, or ids are wider than `max_length`.
    """

    def __init__(self, num_items: int, dim: int = 64, max_length: int = 50, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_whole(1, num_items=num_items, dim=dim, max_length=max_length)
        self.num_items = num_items
        self.dim = dim
        self.max_length = max_length
        self.item_embedding = ItemEmbedding(
            num_items, dim, name="item_embedding", dtype=self.dtype_policy
        )

    @property
    def member_dims(self) -> tuple[int, ...]:
        """Sizes of the parts of a vector that learn apart: of one encoder all of it."""
        return (self.dim,)

    def build(self, input_shape: Any = None) -> None:
        self.item_embedding.build()

    def call(
        self,
        ids: tf.Tensor,
        lengths: tf.Tensor | None = None,
        last_only: bool = False,
        training: bool | None = None,
    ) -> tf.Tensor:
        if ids.shape[1] is not None and ids.shape[1] > self.max_length:
            raise ValueError(
                f"ids has {ids.shape[1]} positions, but max_length is {self.max_length}: cut the "
                "histories first, as training_batches does."
            )
        if lengths is None:
            lengths = lengths_of(ids)
        encode = self.encode_last if last_only else self.encode
        return encode(ids, lengths, training)

    def encode(self, ids: tf.Tensor, lengths: tf.Tensor, training: bool | None) -> tf.Tensor:
        """A vector a position, `[B, L, d]`; what stands at padding does not matter."""
        raise NotImplementedError(f"{type(self).__name__} must implement encode().")

    def encode_last(self, ids: tf.Tensor, lengths: tf.Tensor, training: bool | None) -> tf.Tensor:
        """The vector at the last position of each sequence, `[B, d]`."""
        hidden = self.encode(ids, lengths, training)
        return tf.gather(hidden, tf.maximum(lengths - 1, 0), batch_dims=1)

    def compute_mask(self, ids: tf.Tensor, *args: Any, **kwargs: Any) -> tf.Tensor:
        return ids > 0

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_items": self.num_items,
            "dim": self.dim,
            "max_length": self.max_length,
        }
