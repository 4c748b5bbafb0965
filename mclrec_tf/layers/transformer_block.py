"""One post-norm Transformer block."""

from typing import Any

import keras
import tensorflow as tf

from mclrec_tf.layers.causal_attention import CausalAttention
from mclrec_tf.layers.tokens import Tokens


@keras.saving.register_keras_serializable("mclrec_tf")
class TransformerBlock(keras.layers.Layer):
    """Self-attention and a feed-forward network, each with dropout, residual and LayerNorm after.

    Args:
        num_heads: Attention heads; must divide the size of the input vectors.
        inner_dim: Hidden size of the feed-forward network.
        dropout: Share of attention weights and of outputs dropped in training.

    Call arguments:
        x: float tensor `[T, d]`, a vector a token.
        tokens: Where the tokens stand.
        last_only: Whether only the last token of each row is wanted; the rest is not computed.
        training: Whether dropout is active.

    Returns:
        Float tensor `[T, d]`; `[B, d]` with `last_only`.

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
        self.attention = CausalAttention(
            self.num_heads, self.dropout, name="attention", dtype=self.dtype_policy
        )
        self.attention.build(input_shape)
        self.attention_norm = keras.layers.LayerNormalization(
            epsilon=1e-12, name="attention_norm", dtype=self.dtype_policy
        )
        self.attention_norm.build(input_shape)
        self.expand = keras.layers.Dense(
            self.inner_dim,
            activation="gelu",
            kernel_initializer=_normal(),
            name="expand",
            dtype=self.dtype_policy,
        )
        self.expand.build(input_shape)
        self.contract = keras.layers.Dense(
            dim, kernel_initializer=_normal(), name="contract", dtype=self.dtype_policy
        )
        self.contract.build((*input_shape[:-1], self.inner_dim))
        self.output_norm = keras.layers.LayerNormalization(
            epsilon=1e-12, name="output_norm", dtype=self.dtype_policy
        )
        self.output_norm.build(input_shape)
        self.drop = keras.layers.Dropout(self.dropout, name="drop", dtype=self.dtype_policy)

    def call(
        self,
        x: tf.Tensor,
        tokens: Tokens,
        last_only: bool = False,
        training: bool | None = None,
    ) -> tf.Tensor:
        x = self.mix(x, tokens, last_only, training)
        transformed = self.contract(self.expand(x))
        return self.output_norm(x + self.drop(transformed, training=training))

    def mix(
        self, x: tf.Tensor, tokens: Tokens, last_only: bool, training: bool | None
    ) -> tf.Tensor:
        """What every place takes from the places before it, with residual and LayerNorm."""
        attended = self.attention(x, tokens, last_only=last_only, training=training)
        if last_only:
            x = tf.gather(x, tokens.last)
        return self.attention_norm(x + self.drop(attended, training=training))

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
