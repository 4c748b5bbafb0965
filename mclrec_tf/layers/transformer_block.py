"""A post-norm Transformer block and its causal multi-head self-attention."""

from typing import Any

import keras
import tensorflow as tf

from mclrec_tf.layers.layer_norm import LayerNorm
from mclrec_tf.layers.tokens import Tokens


@keras.saving.register_keras_serializable("mclrec_tf")
class CausalAttention(keras.layers.Layer):
    """Causal self-attention over tokens; a token that may read nothing, itself included, gets 0.

    Args:
        num_heads: Attention heads; must divide the size of the input vectors.
        dropout: Share of attention weights dropped in training.

    Call arguments:
        x: float tensor `[T, d]`, a vector a token.
        tokens: Where the tokens stand.
        last_only: Whether to attend from the last token of each row alone.
        training: Whether dropout is active.

    Returns:
        Float tensor `[T, d]`; `[B, d]` with `last_only`.

    Reference:
        Vaswani et al., 2017.
    """

    def __init__(self, num_heads: int = 2, dropout: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.dropout = dropout

    def build(self, input_shape: Any) -> None:
        dim = input_shape[-1]
        if dim % self.num_heads:
            raise ValueError(
                f"num_heads={self.num_heads} must divide the size of the vectors, dim={dim}."
            )
        self._build_projections(dim, input_shape)
        self.drop = keras.layers.Dropout(self.dropout, name="drop", dtype=self.dtype_policy)

    def _build_projections(self, dim: int, input_shape: Any) -> None:
        self.query_key_value = self._projection(3 * dim, "query_key_value", input_shape)
        self.output_projection = self._projection(dim, "output_projection", input_shape)

    def _projection(self, size: int, name: str, input_shape: Any) -> keras.layers.Dense:
        layer = keras.layers.Dense(
            size, kernel_initializer=self._initializer(), name=name, dtype=self.dtype_policy
        )
        layer.build(input_shape)
        return layer

    def _initializer(self) -> keras.initializers.Initializer:
        return _normal()

    def call(
        self,
        x: tf.Tensor,
        tokens: Tokens,
        last_only: bool = False,
        training: bool | None = None,
    ) -> tf.Tensor:
        return self._attend(self.query_key_value(x), tokens, last_only, training)

    def _attend(
        self, projected: tf.Tensor, tokens: Tokens, last_only: bool, training: bool | None
    ) -> tf.Tensor:
        """What tokens read; `projected` holds query, key and value of each, `[T, 3d]`."""
        attend = self._from_last if last_only else self._from_all
        return self.output_projection(attend(projected, tokens, training))

    def _from_all(self, projected: tf.Tensor, tokens: Tokens, training: bool | None) -> tf.Tensor:
        """What each token reads, `[T, d]`; below, h is the number of heads, c = d / h."""
        dim = projected.shape[1] // 3
        lines, width = tf.unstack(tokens.packed_shape)
        table = tokens.packed(projected)  # [P, W, 3d]
        table = tf.reshape(table, [lines, width, 3 * self.num_heads, dim // self.num_heads])
        # Each [P, h, W, c].
        query, key, value = tf.split(tf.transpose(table, [0, 2, 1, 3]), 3, axis=1)
        scores = tf.matmul(query, key, transpose_b=True) * query.shape[-1] ** -0.5  # [P, h, W, W]
        weights = tf.nn.softmax(scores + tf.cast(tokens.mask, scores.dtype))
        context = tf.matmul(self.drop(weights, training=training), value)  # [P, h, W, c]
        context = tf.reshape(tf.transpose(context, [0, 2, 1, 3]), [lines, width, dim])
        return tf.where(tokens.reads, tokens.unpacked(context), 0.0)

    def _from_last(self, projected: tf.Tensor, tokens: Tokens, training: bool | None) -> tf.Tensor:
        """What the last token of each row reads, `[B, d]`, without a table."""
        query, key, value = tf.split(projected, 3, axis=1)  # each [T, d]
        rows, count = tokens.rows, tokens.shape[0]
        query = tf.gather(tf.gather(query, tokens.last), rows)  # [B, d], then its row's for each
        heads = [-1, self.num_heads, query.shape[1] // self.num_heads]
        # The softmax of a row runs over its tokens, so over segments of [T, h].
        scores = tf.reduce_sum(tf.reshape(query * key, heads), axis=2) * heads[2] ** -0.5
        scores = tf.where(tokens.visible[:, None], scores, scores.dtype.min)
        highest = tf.math.unsorted_segment_max(tf.stop_gradient(scores), rows, count)  # [B, h]
        exponentials = tf.exp(scores - tf.gather(highest, rows))
        exponentials = tf.where(tokens.visible[:, None], exponentials, 0.0)
        sums = tf.math.unsorted_segment_sum(exponentials, rows, count)
        weights = tf.math.divide_no_nan(exponentials, tf.gather(sums, rows))
        weights = self.drop(weights, training=training)
        read = tf.reshape(weights[:, :, None] * tf.reshape(value, heads), tf.shape(value))
        return tf.math.unsorted_segment_sum(read, rows, count)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_heads": self.num_heads, "dropout": self.dropout}


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
        self.attention_norm = LayerNorm(
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
        self.output_norm = LayerNorm(epsilon=1e-12, name="output_norm", dtype=self.dtype_policy)
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
        """What every position takes from the positions before it, with residual and LayerNorm."""
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
