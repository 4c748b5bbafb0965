"""SASRec: a causal Transformer over the history, with the block of its own paper."""

from typing import Any

import keras
import tensorflow as tf

from mclrec_tf.encoders.post_norm_sasrec import PostNormSASRec
from mclrec_tf.encoders.transformer_encoder import TransformerEncoder
from mclrec_tf.layers.layer_norm import LayerNorm
from mclrec_tf.layers.sasrec_block import SASRecBlock


@keras.saving.register_keras_serializable("mclrec_tf")
class SASRec(TransformerEncoder):
    """Scaled item embedding and position embedding, dropout, blocks, LayerNorm at the end.

    Item vectors are multiplied by √d where they are read. Each block normalises its queries alone.
    `PostNormSASRec` is the one of MCLRec's authors, whose blocks are different.

    Args:
        num_items: Size of the catalogue, |I|.
        dim: Size of the vectors, d.
        max_length: Longest history read, n.
        num_layers: Blocks.
        num_heads: Attention heads; must divide `dim`.
        inner_dim: Hidden size of the feed-forward networks; `dim` when left out.
        dropout: Share dropped in training.
        positions: `"from_end"`: the newest item of a history has the first position; or
            `"from_start"`: the oldest of those that are read has it. See `TransformerEncoder`.

    Example:

    ```python
    import tensorflow as tf
    from mclrec_tf import SASRec

    encoder = SASRec(num_items=100, dim=32)
    encoder(tf.constant([[5, 8, 2, 0]])).shape  # (1, 4, 32)
    ```

    Reference:
        Kang and McAuley, 2018, arXiv 1808.09781.
    """

    def __init__(
        self,
        num_items: int,
        dim: int = 64,
        max_length: int = 50,
        num_layers: int = 2,
        num_heads: int = 1,
        inner_dim: int | None = None,
        dropout: float = 0.5,
        positions: str = "from_end",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            num_items,
            dim,
            max_length,
            num_layers,
            num_heads,
            dim if inner_dim is None else inner_dim,
            dropout,
            positions,
            **kwargs,
        )

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> TransformerEncoder:
        # Files of earlier versions hold the encoder that is PostNormSASRec now under this name, and
        # know nothing of positions.
        if cls is SASRec and "positions" not in config:
            return PostNormSASRec.from_config(config)
        return super().from_config(config)

    def new_block(self, name: str) -> SASRecBlock:
        return SASRecBlock(
            self.num_heads, self.inner_dim, self.dropout, name=name, dtype=self.dtype_policy
        )

    def position_initializer(self) -> keras.initializers.Initializer:
        return keras.initializers.GlorotNormal()

    def build_norm(self, shape: tuple[None, int]) -> None:
        self.output_norm = LayerNorm(epsilon=1e-8, name="output_norm", dtype=self.dtype_policy)
        self.output_norm.build(shape)

    def before_blocks(self, items: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
        return items * self.dim**0.5 + positions

    def after_blocks(self, x: tf.Tensor) -> tf.Tensor:
        return self.output_norm(x)
