"""The model that is trained has the features of the catalogue, if it has any."""

from mclrec_tf.data.histories import Histories
from mclrec_tf.data.item_features import ItemCategories, ItemFeatures
from pipeline.components.trainer.fit import model_of
from pipeline.settings import ModelSettings, TrainingSettings

SETTINGS = ModelSettings(dim=8, num_layers=1, max_length=10, members=1)
HISTORIES = Histories.from_lists([[1, 2, 3], [2, 3, 1, 2]])
KINDS = ItemCategories.from_lists([["a"], ["b"], ["a"], ["b"]])


def test_encoder_and_counts_know_which_items_are_cold() -> None:
    features = ItemFeatures({"kind": KINDS}, {}, num_cold=1)
    model = model_of(4, SETTINGS, TrainingSettings(), HISTORIES, features)
    assert model.item_features is not None and {*model.item_features.categories} == {"kind"}
    assert model.counts is not None and model.counts.num_cold == 1
    assert model.encoder.item_embedding.num_trained == 3


def test_without_features_the_model_is_as_before() -> None:
    model = model_of(4, SETTINGS, TrainingSettings(), HISTORIES)
    assert model.item_features is None
    assert model.counts is not None and model.counts.num_cold == 0
    assert "item_features" not in model.get_config()
