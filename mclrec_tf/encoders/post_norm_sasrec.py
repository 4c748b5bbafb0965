"""SASRec as the authors of MCLRec have it: Transformer blocks with LayerNorm after each part."""

import keras

from mclrec_tf.encoders.transformer_encoder import TransformerEncoder
from mclrec_tf.layers.transformer_block import TransformerBlock


@keras.saving.register_keras_serializable("mclrec_tf")
class PostNormSASRec(TransformerEncoder):
    """Item and position embedding, LayerNorm, dropout, then causal Transformer blocks.

    The encoder of MCLRec's experiments, as the code of its authors has it. `SASRec` is the one of
    SASRec's own paper.

    Args:
        num_items: Size of the catalogue, |I|.
        dim: Size of the vectors, d.
        max_length: Longest history read, n.
        num_layers: Transformer blocks.
        num_heads: Attention heads; must divide `dim`.
        inner_dim: Hidden size of the feed-forward networks; 4·dim when left out.
        dropout: Share dropped in training (0.5 on Amazon and Yelp, 0.1 on MovieLens).
        positions: `"from_start"`: the oldest item that is read has the first position; or
            `"from_end"`: the newest item of a history has it. See `TransformerEncoder`.

    Example:

    ```python
    import tensorflow as tf
    from mclrec_tf import PostNormSASRec

    encoder = PostNormSASRec(num_items=100, dim=32)
    encoder(tf.constant([[5, 8, 2, 0]])).shape  # (1, 4, 32)
    ```

    Reference:
        Kang and McAuley, 2018, arXiv 1808.09781, with the settings of the authors' MCLRec code.
    """

    def new_block(self, name: str) -> TransformerBlock:
        return TransformerBlock(
            self.num_heads, self.inner_dim, self.dropout, name=name, dtype=self.dtype_policy
        )
