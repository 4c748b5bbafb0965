"""The block of SASRec as it was published: its attention, and the network that follows."""

from typing import Any

import keras
import tensorflow as tf

from mclrec_tf.layers.layer_norm import LayerNorm
from mclrec_tf.layers.tokens import Tokens
from mclrec_tf.layers.transformer_block import CausalAttention

_EPSILON = 1e-8


@keras.saving.register_keras_serializable("mclrec_tf")
class QueryNormAttention(CausalAttention):
    """Causal self-attention that takes the vectors for its queries apart from those that are read.

    Args:
        num_heads: Attention heads; must divide the size of the input vectors.
        dropout: Share of attention weights dropped in training.

    Call arguments:
        x: float tensor `[T, d]`, a vector a token, of which keys and values are made.
        tokens: Where the tokens stand.
        query: float tensor `[T, d]`, a vector a token, of which queries are made.
        last_only: Whether to attend from the last token of each row alone.
        training: Whether dropout is active.

    Returns:
        Float tensor `[T, d]`; `[B, d]` with `last_only`.

    Reference:
        Kang and McAuley, 2018, arXiv 1808.09781.
    """

    def _build_projections(self, dim: int, input_shape: Any) -> None:
        self.query = self._projection(dim, "query", input_shape)
        self.key_value = self._projection(2 * dim, "key_value", input_shape)
        self.output_projection = self._projection(dim, "output_projection", input_shape)

    def _initializer(self) -> keras.initializers.Initializer:
        return keras.initializers.GlorotNormal()

    def call(  # type: ignore[override]
        self,
        x: tf.Tensor,
        tokens: Tokens,
        query: tf.Tensor,
        last_only: bool = False,
        training: bool | None = None,
    ) -> tf.Tensor:
        projected = tf.concat([self.query(query), self.key_value(x)], axis=1)  # [T, 3d]
        return self._attend(projected, tokens, last_only, training)


@keras.saving.register_keras_serializable("mclrec_tf")
class SASRecBlock(keras.layers.Layer):
    """q = norm(x), y = norm(q + attention(q, x)), then y + network(y).

    Only the queries are normalised before the attention: keys and values are made of x. It is q,
    not x, that is added to what was read. The network has one hidden layer, with ReLU.

    Args:
        num_heads: Attention heads; must divide the size of the input vectors.
        inner_dim: Hidden size of the feed-forward network.
        dropout: Share of attention weights and of the network's vectors dropped in training.

    Call arguments:
        x: float tensor `[T, d]`, a vector a token.
        tokens: Where the tokens stand.
        last_only: Whether only the last token of each row is wanted; the rest is not computed.
        training: Whether dropout is active.

    Returns:
        Float tensor `[T, d]`; `[B, d]` with `last_only`.

    Reference:
        Kang and McAuley, 2018, arXiv 1808.09781, as its authors' code has it.
    """

    def __init__(
        self, num_heads: int = 1, inner_dim: int = 64, dropout: float = 0.5, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.inner_dim = inner_dim
        self.dropout = dropout

    def build(self, input_shape: Any) -> None:
        policy = self.dtype_policy
        self.query_norm = LayerNorm(epsilon=_EPSILON, name="query_norm", dtype=policy)
        self.attention = QueryNormAttention(
            self.num_heads, self.dropout, name="attention", dtype=policy
        )
        self.inner_norm = LayerNorm(epsilon=_EPSILON, name="inner_norm", dtype=policy)
        self.expand = keras.layers.Dense(
            self.inner_dim, "relu", kernel_initializer="glorot_normal", name="expand", dtype=policy
        )
        for layer in (self.query_norm, self.attention, self.inner_norm, self.expand):
            layer.build(input_shape)
        self.contract = keras.layers.Dense(
            input_shape[-1], kernel_initializer="glorot_normal", name="contract", dtype=policy
        )
        self.contract.build((*input_shape[:-1], self.inner_dim))
        self.drop = keras.layers.Dropout(self.dropout, name="drop", dtype=policy)

    def call(
        self,
        x: tf.Tensor,
        tokens: Tokens,
        last_only: bool = False,
        training: bool | None = None,
    ) -> tf.Tensor:
        query = self.query_norm(x)  # [T, d]
        read = self.attention(x, tokens, query, last_only=last_only, training=training)
        if last_only:
            query = tf.gather(query, tokens.last)  # [B, d]
        y = self.inner_norm(query + read)
        inner = self.drop(self.expand(y), training=training)
        return y + self.drop(self.contract(inner), training=training)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "inner_dim": self.inner_dim,
            "dropout": self.dropout,
        }
