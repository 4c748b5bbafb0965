"""Keras layers of MCLRec: item embedding, Transformer block, stochastic views, augmenter."""

from mclrec_tf.layers.augmenter import Augmenter
from mclrec_tf.layers.item_embedding import ItemEmbedding
from mclrec_tf.layers.stochastic_views import StochasticViews
from mclrec_tf.layers.transformer_block import TransformerBlock
from mclrec_tf.layers.view_operations import Crop, Mask, Reorder, View, ViewOperation

__all__ = [
    "Augmenter",
    "Crop",
    "ItemEmbedding",
    "Mask",
    "Reorder",
    "StochasticViews",
    "TransformerBlock",
    "View",
    "ViewOperation",
]
