"""More items like those of a trained model, and what they cost to serve, on a tiny scale."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import large_catalogue
from benchmarks.grown_catalogue import grown
from mclrec_tf import EncoderEnsemble, ItemCounts, NextItemModel, SASRec
from mclrec_tf.data.histories import Histories
from mclrec_tf.data.item_features import ItemCategories, ItemFeatures

ITEMS = 80


@pytest.fixture(scope="module")
def model() -> NextItemModel:
    random = np.random.default_rng(0)
    lists = random.integers(1, ITEMS + 1, (60, 8)).tolist()
    counts = ItemCounts.from_histories(Histories.from_lists(lists), ITEMS, 4)
    counts.feature_weights.assign([0.2, 0.3, 0.5, -1.0, 0.4, 0.7])
    members = [SASRec(ITEMS, dim=8, max_length=6, num_layers=1) for _ in range(2)]
    made = NextItemModel(EncoderEnsemble(members), counts=counts)
    items = made.encoder.item_embedding.table
    items.assign(random.normal(size=items.shape) @ random.normal(size=[16, 16]) + 1)
    return made


def test_new_items_are_distributed_like_the_models_own(model: NextItemModel) -> None:
    own, new = (m.item_vectors().numpy()[1:] for m in (model, grown(model, 20_000)))
    assert len(new) == 20_000 and len(np.unique(new, axis=0)) == 20_000
    scale = np.trace(np.cov(own.T))
    np.testing.assert_allclose(new.mean(0), own.mean(0), atol=0.03 * np.sqrt(scale))
    np.testing.assert_allclose(np.cov(new.T), np.cov(own.T), atol=0.1 * scale / 16)


def test_all_else_is_the_models(model: NextItemModel) -> None:
    larger = grown(model, 300)
    for weight, of_model in zip(larger.encoder.weights, model.encoder.weights, strict=True):
        if weight.shape == of_model.shape:
            assert np.array_equal(weight, of_model)
    for name in ("next", "followers", "companions"):
        new, own = getattr(larger.counts, name), getattr(model.counts, name)
        assert np.array_equal(new.neighbour_weights[: ITEMS + 1], own.neighbour_weights)
        assert np.array_equal(new.neighbours.numpy() > 0, new.neighbour_weights.numpy() > 0)
        assert new.neighbours.numpy().max() <= 300
    assert larger.recommend([[3, 299]], k=5).item_ids.all()
    assert grown(model, 300, with_counts=False).counts is None


def test_features_and_cold_items_become_vectors_like_others() -> None:
    kinds = ItemCategories.from_lists([[str(item % 5)] for item in range(ITEMS)])
    features = ItemFeatures({"kind": kinds}, {}, num_cold=9)
    counts = ItemCounts(ITEMS, 4, num_cold=9, encoder_scores_repeats=True)
    model = NextItemModel(SASRec(ITEMS, dim=8), counts=counts, item_features=features)
    larger = grown(model, 200)
    own = model.item_vectors().numpy()[1:]
    near = larger.item_vectors().numpy()[1 : ITEMS + 1]
    assert abs(near - own).mean() < abs(near - own[::-1]).mean()
    assert larger.counts.num_cold == 0 and larger.counts.encoder_scores_repeats


def test_fewer_items_than_the_model_has_are_refused(
    model: NextItemModel,
) -> None:
    with pytest.raises(ValueError, match="has 80 items"):
        grown(model, 79)


@pytest.mark.integration  # it exports
def test_it_times_both_exports_of_a_size(model: NextItemModel, tmp_path: Path) -> None:
    model.save(tmp_path / "model.keras")
    given = [f"--model={tmp_path / 'model.keras'}", f"--out={tmp_path / 'out'}", "--turns=1"]
    large_catalogue.main([*given, "-k=5", "--items", "200"])
    result = json.loads((tmp_path / "out" / "large_catalogue.json").read_text())
    assert [found["items"] for found in result["sizes"]] == [200]
    for found in result["sizes"]:
        assert found["same_items_for_1"] == found["same_items_for_64"] == 1
        assert found["largest_difference_for_8"] < 1e-5
        assert found["bounds"]["export_gb"] >= found["product"]["export_gb"] > 0
        assert all(found[kind]["ms_for_8"] > 0 for kind in ("product", "bounds"))
    lines = (tmp_path / "out" / "large_catalogue.md").read_text().splitlines()
    assert lines[0].startswith("| items | by |") and len(lines) in (4, 6)
