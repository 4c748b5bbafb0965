"""A Transformer block with a causal frequency filter beside its attention."""

from typing import Any

import keras
import tensorflow as tf

from mclrec_tf.arguments import check_share, check_whole
from mclrec_tf.layers.layer_norm import LayerNorm
from mclrec_tf.layers.tokens import Tokens
from mclrec_tf.layers.transformer_block import TransformerBlock


@keras.saving.register_keras_serializable("mclrec_tf")
class CausalFilter(keras.layers.Layer):
    """low + β² · (x − low), where `low` is a weighted mean of the last few positions of the row.

    The weights of the mean are positive, learned for each feature and at first equal; at the
    start of a row they are shared out among the positions that are there. β² is learned for each
    feature.

    Args:
        window: Positions the mean runs over, the token's own among them.

    Call arguments:
        x: float tensor `[T, d]`, a vector a token.
        tokens: Where the tokens stand.
        last_only: Whether only the last token of each row is wanted.

    Returns:
        Float tensor `[T, d]`; `[B, d]` with `last_only`.
    """

    def __init__(self, window: int = 5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_whole(1, window=window)
        self.window = window

    def build(self, input_shape: Any) -> None:
        dim = input_shape[-1]
        # Row j weighs the position j before; the logarithm keeps the weights positive.
        self.log_weights = self.add_weight(
            shape=(self.window, dim), initializer="zeros", name="log_weights"
        )
        self.beta = self.add_weight(
            shape=(dim,), initializer=keras.initializers.RandomNormal(stddev=1.0), name="beta"
        )

    def call(self, x: tf.Tensor, tokens: Tokens, last_only: bool = False) -> tf.Tensor:
        at = tokens.last if last_only else tf.range(tf.shape(x, tf.int64)[0])
        back = tf.range(self.window, dtype=tf.int64)
        # Rows follow one another: the token j positions before stands j tokens before. Below, N is
        # T, or B with last_only, and W the window.
        source = tf.maximum(at[:, None] - back, 0)  # [N, W]
        inside = tf.gather(tokens.positions, at)[:, None] >= back
        readable = inside & (tf.gather(tokens.visible, source) | (back == 0))
        readable = tf.cast(readable, x.dtype)
        weights = tf.exp(self.log_weights)  # [W, d]
        weighted = tf.gather(x, source) * readable[:, :, None] * weights  # [N, W, d]
        low = tf.reduce_sum(weighted, axis=1) / tf.matmul(readable, weights)  # [N, d]
        own = tf.gather(x, at) if last_only else x
        return low + tf.square(self.beta) * (own - low)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "window": self.window}


@keras.saving.register_keras_serializable("mclrec_tf")
class FilterBlock(TransformerBlock):
    """α · filtered + (1 − α) · attended, then the feed-forward network.

    Both branches have dropout, residual and LayerNorm of their own before they are mixed.

    Args:
        num_heads: Attention heads; must divide the size of the input vectors.
        inner_dim: Hidden size of the feed-forward network.
        dropout: Share of attention weights and of outputs dropped in training.
        alpha: α, the filter's share.
        window: Positions the filter looks back over.

    Call arguments and result are those of `TransformerBlock`.

    Reference:
        Shin et al., AAAI 2024, arXiv 2312.10325; see `BSARec` for what is different here.
    """

    def __init__(
        self,
        num_heads: int = 1,
        inner_dim: int = 256,
        dropout: float = 0.5,
        alpha: float = 0.7,
        window: int = 5,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_heads, inner_dim, dropout, **kwargs)
        check_share(alpha=alpha)
        self.alpha = alpha
        self.window = window

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.filter = CausalFilter(self.window, name="filter", dtype=self.dtype_policy)
        self.filter.build(input_shape)
        self.filter_norm = LayerNorm(epsilon=1e-12, name="filter_norm", dtype=self.dtype_policy)
        self.filter_norm.build(input_shape)

    def mix(
        self, x: tf.Tensor, tokens: Tokens, last_only: bool, training: bool | None
    ) -> tf.Tensor:
        attended = super().mix(x, tokens, last_only, training)
        filtered = self.filter(x, tokens, last_only=last_only)
        filtered = self.drop(filtered, training=training)
        if last_only:
            x = tf.gather(x, tokens.last)
        return self.alpha * self.filter_norm(x + filtered) + (1 - self.alpha) * attended

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha, "window": self.window}
