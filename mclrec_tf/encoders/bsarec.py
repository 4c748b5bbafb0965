"""BSARec: attention mixed with a filter that weighs steady and sudden interests."""

from typing import Any

import keras

from mclrec_tf.arguments import check_share, check_whole
from mclrec_tf.encoders.transformer_encoder import TransformerEncoder
from mclrec_tf.layers.filter_block import FilterBlock


@keras.saving.register_keras_serializable("mclrec_tf")
class BSARec(TransformerEncoder):
    """SASRec whose blocks mix attention with a low-pass filter and what it leaves, rescaled.

    Attention alone smooths the history and forgets sudden changes of interest. Here each block
    has a branch beside it that splits its input into a smooth part and the rest, weighs the rest
    by β² (learned, one for each of the d features) and joins the two.

    Departs from the paper in the low-pass filter. The paper's takes the Fourier transform of the
    whole history and keeps the lowest frequencies, so what it gives at a position depends on later
    items too. That does no harm where only the last position is trained, one row for each prefix;
    where one pass predicts the item after every position, it would show the model the answers. Here
    the smooth part is a weighted mean of the last `window` positions, weights learned, which starts
    as the moving average: the causal kin of the paper's filter. It also reads no masked item.

    Args:
        num_items: Size of the catalogue, |I|.
        dim: Size of the vectors, d.
        max_length: Longest history read, n.
        num_layers: Blocks.
        num_heads: Attention heads; must divide `dim`.
        inner_dim: Hidden size of the feed-forward networks; 4·dim when left out.
        dropout: Share dropped in training.
        alpha: α, the filter's share; 1 − α is the attention's.
        window: Positions that the low-pass filter looks back over, its own among them.
        positions: `"from_end"`: the newest item of a history has the first position; or
            `"from_start"`: the oldest that is read has it. See `TransformerEncoder`.

    Example:

    ```python
    import tensorflow as tf
    from mclrec_tf import BSARec

    encoder = BSARec(num_items=100, dim=32)
    encoder(tf.constant([[5, 8, 2, 0]])).shape  # (1, 4, 32)
    ```

    Reference:
        Shin et al., AAAI 2024, arXiv 2312.10325.
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
        alpha: float = 0.7,
        window: int = 5,
        positions: str = "from_end",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            num_items,
            dim,
            max_length,
            num_layers,
            num_heads,
            inner_dim,
            dropout,
            positions,
            **kwargs,
        )
        check_share(alpha=alpha)
        check_whole(1, window=window)
        self.alpha = alpha
        self.window = window

    def new_block(self, name: str) -> FilterBlock:
        return FilterBlock(
            self.num_heads,
            self.inner_dim,
            self.dropout,
            alpha=self.alpha,
            window=self.window,
            name=name,
            dtype=self.dtype_policy,
        )

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "BSARec":
        # Files of before there was a choice do not name it.
        return cls(**{"positions": "from_start", **config})

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha, "window": self.window}
