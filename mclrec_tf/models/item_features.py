"""The features of items in a model."""

from typing import Any

from mclrec_tf.data.item_features import ItemFeatures
from mclrec_tf.encoders.sequence_encoder import SequenceEncoder
from mclrec_tf.layers.item_feature_embedding import ItemFeatureEmbedding


def feature_embedding(item_features: ItemFeatures, dim: int, **kwargs: Any) -> ItemFeatureEmbedding:
    """The layer of some features.

    Args:
        item_features: The features of all items.
        dim: Size of the vectors, d.
        **kwargs: Further arguments of a layer.
    """
    embedding = ItemFeatureEmbedding(
        item_features.num_items,
        dim,
        {
            name: (len(column.values), len(column.ids))
            for name, column in item_features.categories.items()
        },
        {name: column.shape[1] for name, column in item_features.vectors.items()},
        item_features.num_cold,
        **kwargs,
    )
    embedding.assign(
        {
            name: (column.values, column.ids, column.splits)
            for name, column in item_features.categories.items()
        },
        item_features.vectors,
    )
    return embedding


def give_features(encoder: SequenceEncoder, item_features: Any) -> None:
    """Makes the vectors of an encoder's items those of their own and of their features together.

    Args:
        encoder: An encoder that is not built, for its optimizer must know what there is to train.
        item_features: `ItemFeatures`, or the layer of some.

    Raises:
        ValueError: It is neither, or of another catalogue, or the encoder is built.
    """
    if not isinstance(item_features, ItemFeatures | ItemFeatureEmbedding):
        raise ValueError(f"item_features must be ItemFeatures, got {item_features!r}.")
    if item_features.num_items != encoder.num_items:
        raise ValueError(
            f"item_features has {item_features.num_items} items, but the encoder "
            f"{encoder.num_items}."
        )
    if encoder.built:
        raise ValueError(
            "item_features: the encoder is built already; give features with a new encoder."
        )
    items = encoder.item_embedding
    if isinstance(item_features, ItemFeatures):
        item_features = feature_embedding(
            item_features, encoder.dim, dtype=items.variable_dtype, name="features"
        )
    items.features = item_features
