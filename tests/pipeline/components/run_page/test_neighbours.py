"""Neighbours are the nearest by the cosine of the vectors that the model scores with."""

from pathlib import Path

import numpy as np
import pytest

from mclrec_tf import EncoderEnsemble, NextItemModel, SASRec
from mclrec_tf.data.item_features import ItemCategories, ItemFeatures
from pipeline.components.run_page.neighbours import NEIGHBOURS, Neighbours, neighbours_of_some
from pipeline.components.trainer.run_fn import keras_path


def export(folder: Path, model: NextItemModel) -> str:
    saved_model = str(folder / "Format-Serving")
    model.save(keras_path(saved_model))
    return saved_model


def with_vectors(vectors: np.ndarray) -> NextItemModel:
    """A model whose items have these vectors, `[|I|, d]`."""
    items, dim = vectors.shape
    model = NextItemModel(SASRec(items, dim=dim, num_layers=1, num_heads=1, max_length=5))
    around = np.full((1, dim), 9.0)  # the padding and the mask token, which are no items
    model.encoder.item_embedding.table.assign(np.concatenate([around, vectors, around]))
    return model


def test_the_nearest_are_those_of_the_smallest_angle(tmp_path: Path):
    # An angle for each item, and lengths that must not matter.
    angles = np.array([0, 170, 20, 40, 10, 90, 30, 5, 180, 60, 95])
    lengths = 1 + np.arange(11.0) ** 2
    radians = np.pi * angles / 180
    vectors = lengths[:, None] * np.stack([np.cos(radians), np.sin(radians)], axis=1)
    catalogue = [f"at {angle}" for angle in angles]
    first, middle, rare = neighbours_of_some(export(tmp_path, with_vectors(vectors)), catalogue)
    assert [(one.item, one.rank) for one in (first, middle, rare)] == [
        ("at 0", 1),
        ("at 90", 6),
        ("at 60", 10),
    ]
    assert [item for item, _ in first.items] == ["at 5", "at 10", "at 20", "at 30", "at 40"]
    assert [item for item, _ in middle.items] == ["at 95", "at 60", "at 40", "at 30", "at 20"]
    assert [score for _, score in first.items] == pytest.approx(
        np.cos(np.pi * np.array([5, 10, 20, 30, 40]) / 180), abs=1e-6
    )


def test_members_of_an_ensemble_count_together(tmp_path: Path):
    members = [SASRec(30, dim=4, num_layers=1, num_heads=1, max_length=5) for _ in range(2)]
    model = NextItemModel(EncoderEnsemble(members))
    table = np.array(model.encoder.item_embedding.table)[1:31]
    cosines = table @ table.T / np.outer(*[np.linalg.norm(table, axis=1)] * 2)
    names = [str(number) for number in range(30)]
    for one in neighbours_of_some(export(tmp_path, model), names):
        expected = [n for n in np.argsort(-cosines[int(one.item)]) if n != int(one.item)]
        assert [item for item, _ in one.items] == [str(n) for n in expected[:NEIGHBOURS]]


def test_a_cold_item_is_near_those_of_its_features(tmp_path: Path):
    kinds = ItemCategories.from_lists([["x"], ["y"], ["x"], ["y"], ["y"]])
    features = ItemFeatures({"kind": kinds}, {}, num_cold=2)
    model = NextItemModel(
        SASRec(5, dim=2, num_layers=1, num_heads=1, max_length=5), item_features=features
    )
    model(np.ones([1, 2], np.int32))
    model.encoder.item_embedding.table.assign(np.zeros([7, 2]))
    (weights,) = model.item_features.value_vectors.values()
    weights.assign(np.eye(len(weights.numpy()))[:, :2])
    *others, cold = neighbours_of_some(export(tmp_path, model), [*"abcde"])
    assert [(one.item, one.rank) for one in others] == [("a", 1), ("b", 2)]
    assert (cold.item, cold.rank) == ("e", None)
    assert {item for item, _ in cold.items[:2]} == {"b", "d"}


def test_a_vector_of_zero_is_near_nothing(tmp_path: Path):
    vectors = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.0, 2.0]])
    found = neighbours_of_some(export(tmp_path, with_vectors(vectors)), ["a", "b", "c", "d"])
    assert all(score == 0 for one in found for _, score in one.items)


def test_a_small_catalogue_has_fewer(tmp_path: Path):
    saved_model = export(tmp_path, with_vectors(np.array([[1.0, 0.0], [1.0, 0.0]])))
    assert neighbours_of_some(saved_model, ["a", "b"]) == [Neighbours("a", 1, [("b", 1.0)])]


def test_without_the_keras_file_there_are_none(tmp_path: Path):
    assert neighbours_of_some(str(tmp_path / "Format-Serving"), ["a", "b"]) == []
