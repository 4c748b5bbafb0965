"""SASRec: a causal Transformer over the history."""

from typing import Any

import keras
import tensorflow as tf

from mclrec_tf.encoders.sequence_encoder import SequenceEncoder
from mclrec_tf.layers.transformer_block import TransformerBlock


@keras.saving.register_keras_serializable("mclrec_tf")
class SASRec(SequenceEncoder):
    """Item and position embedding, LayerNorm, dropout, then causal Transformer blocks.

    Args:
        num_items: Size of the catalogue, |I|.
        dim: Size of the vectors, d.
        max_length: Longest history read, n. Positions count from the start of the kept window.
        num_layers: Transformer blocks.
        num_heads: Attention heads; must divide `dim`.
        inner_dim: Hidden size of the feed-forward networks; 4·dim when left out.
        dropout: Share dropped in training (0.5 on Amazon and Yelp, 0.1 on MovieLens).

    Example:

    ```python
    encoder = SASRec(num_items=100, dim=32)
    encoder(tf.constant([[5, 8, 2, 0]])).shape  # (1, 4, 32)
    ```

    Reference:
        Kang and McAuley, 2018, arXiv 1808.09781, with the settings of the authors' MCLRec code.
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
        **kwargs: Any,
    ) -> None:
        super().__init__(num_items, dim, max_length, **kwargs)
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.inner_dim = inner_dim or 4 * dim
        self.dropout = dropout

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        shape = (None, None, self.dim)
        self.position_table = self.add_weight(
            shape=(self.max_length, self.dim),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
            name="position_table",
        )
        self.input_norm = keras.layers.LayerNormalization(epsilon=1e-12, name="input_norm")
        self.input_norm.build(shape)
        self.drop = keras.layers.Dropout(self.dropout, name="drop")
        self.blocks = [
            TransformerBlock(self.num_heads, self.inner_dim, self.dropout, name=f"block_{index}")
            for index in range(self.num_layers)
        ]
        for block in self.blocks:
            block.build(shape)

    def encode(self, inputs: tf.Tensor, real: tf.Tensor, training: bool | None) -> tf.Tensor:
        length = tf.shape(inputs)[1]
        x = self.input_norm(inputs + self.position_table[:length])
        x = self.drop(x, training=training)
        position = tf.range(length)
        causal = position[:, None] >= position[None, :]
        attention_mask = causal[None] & real[:, None, :]
        for block in self.blocks:
            x = block(x, attention_mask=attention_mask, training=training)
        return x

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "inner_dim": self.inner_dim,
            "dropout": self.dropout,
        }
