"""Keras layers of MCLRec: item embedding, encoders' blocks, stochastic views, augmenter."""

from mclrec_tf.layers.augmenter import Augmenter
from mclrec_tf.layers.filter_block import CausalFilter, FilterBlock
from mclrec_tf.layers.item_embedding import ItemEmbedding
from mclrec_tf.layers.item_feature_embedding import ItemFeatureEmbedding
from mclrec_tf.layers.item_neighbours import ItemNeighbours
from mclrec_tf.layers.sasrec_block import QueryNormAttention, SASRecBlock
from mclrec_tf.layers.tokens import Tokens
from mclrec_tf.layers.transformer_block import CausalAttention, TransformerBlock
from mclrec_tf.layers.views import (
    Crop,
    Insert,
    Mask,
    Reorder,
    StochasticViews,
    Substitute,
    View,
    ViewOperation,
)

__all__ = [
    "Augmenter",
    "CausalAttention",
    "CausalFilter",
    "Crop",
    "FilterBlock",
    "Insert",
    "ItemEmbedding",
    "ItemFeatureEmbedding",
    "ItemNeighbours",
    "Mask",
    "QueryNormAttention",
    "Reorder",
    "SASRecBlock",
    "StochasticViews",
    "Substitute",
    "Tokens",
    "TransformerBlock",
    "View",
    "ViewOperation",
]
