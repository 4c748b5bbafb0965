"""Keras layers of MCLRec: item embedding, encoders' blocks, stochastic views, augmenter."""

from mclrec_tf.layers.augmenter import Augmenter
from mclrec_tf.layers.causal_attention import CausalAttention
from mclrec_tf.layers.causal_filter import CausalFilter
from mclrec_tf.layers.filter_block import FilterBlock
from mclrec_tf.layers.item_embedding import ItemEmbedding
from mclrec_tf.layers.similar_items import Insert, Substitute
from mclrec_tf.layers.stochastic_views import StochasticViews
from mclrec_tf.layers.tokens import Tokens
from mclrec_tf.layers.transformer_block import TransformerBlock
from mclrec_tf.layers.view_operations import Crop, Mask, Reorder, View, ViewOperation

__all__ = [
    "Augmenter",
    "CausalAttention",
    "CausalFilter",
    "Crop",
    "FilterBlock",
    "Insert",
    "ItemEmbedding",
    "Mask",
    "Reorder",
    "StochasticViews",
    "Substitute",
    "Tokens",
    "TransformerBlock",
    "View",
    "ViewOperation",
]
