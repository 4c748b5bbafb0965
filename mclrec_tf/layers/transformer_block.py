"""One post-norm Transformer block."""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("mclrec_tf")
class TransformerBlock(keras.layers.Layer):
    """Self-attention and a feed-forward network, each with dropout, residual and LayerNorm after.

    Args:
        num_heads: Attention heads; must divide the size of the input vectors.
        inner_dim: Hidden size of the feed-forward network.
        dropout: Share of attention weights and of outputs dropped in training.

    Call arguments:
        inputs: float tensor `[B, L, d]`.
        attention_mask: bool tensor `[B, L, L]`, True where a query (second axis) may see a key.
        training: Whether dropout is active.

    Returns:
        Float tensor `[B, L, d]`.

    Reference:
        Vaswani et al., 2017; the settings are those of SASRec in the authors' MCLRec code
        (GELU, LayerNorm epsilon 1e-12, weights drawn from N(0, 0.02)).
    """

    def __init__(
        self, num_heads: int = 2, inner_dim: int = 256, dropout: float = 0.5, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.inner_dim = inner_dim
        self.dropout = dropout

    def build(self, input_shape: Any) -> None:
        dim = input_shape[-1]
        if dim % self.num_heads:
            raise ValueError(
                f"num_heads={self.num_heads} must divide the size of the vectors, dim={dim}."
            )
        self.attention = keras.layers.MultiHeadAttention(
            self.num_heads,
            dim // self.num_heads,
            dropout=self.dropout,
            kernel_initializer=_normal(),
            name="attention",
        )
        self.attention.build(input_shape, input_shape)
        self.attention_norm = keras.layers.LayerNormalization(epsilon=1e-12, name="attention_norm")
        self.attention_norm.build(input_shape)
        self.expand = keras.layers.Dense(
            self.inner_dim, activation="gelu", kernel_initializer=_normal(), name="expand"
        )
        self.expand.build(input_shape)
        self.contract = keras.layers.Dense(dim, kernel_initializer=_normal(), name="contract")
        self.contract.build((*input_shape[:-1], self.inner_dim))
        self.output_norm = keras.layers.LayerNormalization(epsilon=1e-12, name="output_norm")
        self.output_norm.build(input_shape)
        self.drop = keras.layers.Dropout(self.dropout, name="drop")

    def call(
        self, inputs: tf.Tensor, attention_mask: tf.Tensor, training: bool | None = None
    ) -> tf.Tensor:
        attended = self.attention(inputs, inputs, attention_mask=attention_mask, training=training)
        x = self.attention_norm(inputs + self.drop(attended, training=training))
        transformed = self.contract(self.expand(x))
        return self.output_norm(x + self.drop(transformed, training=training))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "inner_dim": self.inner_dim,
            "dropout": self.dropout,
        }


def _normal() -> keras.initializers.Initializer:
    # A new one for every layer: an initializer gives the same values at each of its calls.
    return keras.initializers.RandomNormal(stddev=0.02)
