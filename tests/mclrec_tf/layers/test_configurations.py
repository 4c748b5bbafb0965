"""Every layer is made again from its configuration."""

import keras
import pytest

from mclrec_tf.layers import (
    Augmenter,
    CausalAttention,
    CausalFilter,
    Crop,
    FilterBlock,
    Insert,
    ItemEmbedding,
    ItemFeatureEmbedding,
    Mask,
    QueryNormAttention,
    Reorder,
    SASRecBlock,
    StochasticViews,
    Substitute,
    TransformerBlock,
)


@pytest.mark.parametrize(
    "layer",
    [
        Augmenter(),
        CausalAttention(4, dropout=0.3),
        CausalFilter(7),
        Crop(0.3, seed=1),
        FilterBlock(2, inner_dim=9, dropout=0.1, alpha=0.2, window=3),
        Insert([[0, 0], [2, 2], [1, 2]], 0.3, max_length=7),
        ItemEmbedding(9, 4),
        ItemFeatureEmbedding(9, 4, {"genres": (3, 20), "brand": (0, 0)}, {"text": 5}, num_cold=2),
        Mask(0.3, token=5),
        QueryNormAttention(4, dropout=0.3),
        Reorder(0.3),
        SASRecBlock(4, inner_dim=9, dropout=0.1),
        StochasticViews([Mask(0.3, token=5), Crop(0.2, seed=4)], seed=3),
        Substitute([[0], [2], [1]], 0.3, seed=2),
        TransformerBlock(4, inner_dim=9, dropout=0.1),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_round_trip(layer: keras.Layer) -> None:
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()


def test_bad_alpha() -> None:
    with pytest.raises(ValueError, match=r"alpha must lie in 0..1, got 1.5"):
        FilterBlock(alpha=1.5)
