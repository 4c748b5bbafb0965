"""A Transformer block with a causal frequency filter beside its attention."""

from typing import Any

import keras
import tensorflow as tf

from mclrec_tf.layers.causal_filter import CausalFilter
from mclrec_tf.layers.tokens import Tokens
from mclrec_tf.layers.transformer_block import TransformerBlock


@keras.saving.register_keras_serializable("mclrec_tf")
class FilterBlock(TransformerBlock):
    """α · filtered + (1 − α) · attended, then the feed-forward network.

    Both branches have dropout, residual and LayerNorm of their own before they are mixed.

    Args:
        num_heads: Attention heads; must divide the size of the input vectors.
        inner_dim: Hidden size of the feed-forward network.
        dropout: Share of attention weights and of outputs dropped in training.
        alpha: α, the filter's share.
        window: Places the filter looks back over.

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
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha must lie in 0..1, got {alpha}.")
        self.alpha = alpha
        self.window = window

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.filter = CausalFilter(self.window, name="filter", dtype=self.dtype_policy)
        self.filter.build(input_shape)
        self.filter_norm = keras.layers.LayerNormalization(
            epsilon=1e-12, name="filter_norm", dtype=self.dtype_policy
        )
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
