"""What encoders of Transformer blocks share: positions, and the blocks one after the other."""

from typing import Any

import keras
import tensorflow as tf

from mclrec_tf.arguments import check_whole, check_whole_or_none
from mclrec_tf.encoders.sequence_encoder import SequenceEncoder, check_dropout
from mclrec_tf.layers.layer_norm import LayerNorm
from mclrec_tf.layers.tokens import Tokens

POSITIONS = ("from_start", "from_end")
"""Where positions may be counted from."""


class TransformerEncoder(SequenceEncoder):
    """Item and position embedding, dropout, then blocks; base of the encoders that have those.

    A subclass makes its blocks in `new_block`. Where it departs from LayerNorm before the dropout
    and from nothing after the blocks, it overrides `build_norm`, `before_blocks` and
    `after_blocks`.

    Args:
        num_items: Size of the catalogue, |I|.
        dim: Size of the vectors, d.
        max_length: Longest history read, n.
        num_layers: Transformer blocks.
        num_heads: Attention heads; must divide `dim`.
        inner_dim: Hidden size of the feed-forward networks; 4·dim when left out.
        dropout: Share dropped in training.
        positions: Where positions are counted from: `"from_start"`, the oldest item of those that
            are read has the first; or `"from_end"`, the newest has it. From the start, the vector
            at a position is that of the history that ends there, so one causal pass trains every
            prefix as it will be served. From the end, a position says how many items came after,
            whatever the length of the history; in a causal pass a prefix then has the positions
            that it has within the whole, and others when it is served by itself.
    """

    def __init__(
        self,
        num_items: int,
        dim: int = 64,
        max_length: int = 50,
        num_layers: int = 2,
        num_heads: int = 2,
        inner_dim: int | None = None,
        dropout: float = 0.5,
        positions: str = "from_start",
        **kwargs: Any,
    ) -> None:
        super().__init__(num_items, dim, max_length, **kwargs)
        check_whole(1, num_layers=num_layers, num_heads=num_heads)
        check_whole_or_none(1, inner_dim=inner_dim)
        check_dropout(dropout)
        if dim % num_heads:
            raise ValueError(f"num_heads={num_heads} must divide dim={dim}.")
        if positions not in POSITIONS:
            raise ValueError(f"positions must be one of {POSITIONS}, got {positions!r}.")
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.inner_dim = inner_dim or 4 * dim
        self.dropout = dropout
        self.positions = positions

    def new_block(self, name: str) -> keras.layers.Layer:
        """A block of the encoder, not yet built."""
        raise NotImplementedError(f"{type(self).__name__} must implement new_block().")

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        shape = (None, self.dim)
        self.position_table = self.add_weight(
            shape=(self.max_length, self.dim),
            initializer=self.position_initializer(),
            name="position_table",
        )
        self.drop = keras.layers.Dropout(self.dropout, name="drop", dtype=self.dtype_policy)
        self.build_norm(shape)
        self.blocks = [self.new_block(f"block_{index}") for index in range(self.num_layers)]
        for block in self.blocks:
            block.build(shape)

    def position_initializer(self) -> keras.initializers.Initializer:
        """What the position table holds at the start."""
        return keras.initializers.RandomNormal(stddev=0.02)

    def build_norm(self, shape: tuple[None, int]) -> None:
        """Builds the LayerNorm that is outside the blocks."""
        self.input_norm = LayerNorm(epsilon=1e-12, name="input_norm", dtype=self.dtype_policy)
        self.input_norm.build(shape)

    def before_blocks(self, items: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
        """The input of the first block, before dropout, of vectors `[T, d]` of both kinds."""
        return self.input_norm(items + positions)

    def after_blocks(self, x: tf.Tensor) -> tf.Tensor:
        """The result, of the output of the last block, `[T, d]` or `[B, d]`."""
        return x

    def encode(self, ids: tf.Tensor, lengths: tf.Tensor, training: bool | None) -> tf.Tensor:
        tokens, x = self._before_last_block(ids, lengths, training)
        return tokens.padded(self.after_blocks(self.blocks[-1](x, tokens, training=training)))

    def encode_last(self, ids: tf.Tensor, lengths: tf.Tensor, training: bool | None) -> tf.Tensor:
        tokens, x = self._before_last_block(ids, lengths, training)
        return self.after_blocks(self.blocks[-1](x, tokens, last_only=True, training=training))

    def _before_last_block(
        self, ids: tf.Tensor, lengths: tf.Tensor, training: bool | None
    ) -> tuple[Tokens, tf.Tensor]:
        """The tokens, and the input of the last block, `[T, d]`."""
        tokens = Tokens.of(ids, lengths)
        items = self.item_embedding(tokens.flat(ids))
        counted = tokens.positions if self.positions == "from_start" else tokens.positions_from_end
        x = self.before_blocks(items, tf.gather(self.position_table, counted))
        x = self.drop(x, training=training)
        for block in self.blocks[:-1]:
            x = block(x, tokens, training=training)
        return tokens, x

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "inner_dim": self.inner_dim,
            "dropout": self.dropout,
            "positions": self.positions,
        }
