"""Collapse is measured as the papers define it."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf.data.batches import training_batches
from mclrec_tf.training.collapse import CollapseDiagnostics, EffectiveRank
from tests.mclrec_tf.ring import make_model, ring_walks

NAMES = (
    "alignment",
    "uniformity",
    "positive_similarity",
    "negative_similarity",
    "effective_rank_z1",
    "effective_rank_z2",
)


def unit_rows(rows: int, dim: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(rows, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def measure(dim: int, *batches: tuple[np.ndarray, np.ndarray]) -> dict[str, float]:
    diagnostics = CollapseDiagnostics(dim)
    for z1, z2 in batches:
        diagnostics.update_state(tf.constant(z1), tf.constant(z2))
    return {metric.name: float(metric.result()) for metric in diagnostics.metrics}


def test_against_the_definitions_over_two_batches() -> None:
    batches = [(unit_rows(n, 8, n), unit_rows(n, 8, n + 50)) for n in (5, 9)]
    found = measure(8, *batches)
    distances, positives, negatives = [], [], []
    for z1, z2 in batches:
        positives += [(np.sum((a - b) ** 2), a @ b) for a, b in zip(z1, z2, strict=True)]
        rows = [(i, row) for z in (z1, z2) for i, row in enumerate(z)]
        for (i, a), (j, b) in itertools.product(rows, rows):
            if i != j:
                distances.append(np.sum((a - b) ** 2))
                negatives.append(a @ b)
    assert found["alignment"] == pytest.approx(np.mean([d for d, _ in positives]), rel=1e-5)
    assert found["positive_similarity"] == pytest.approx(
        np.mean([s for _, s in positives]), rel=1e-5
    )
    assert found["negative_similarity"] == pytest.approx(np.mean(negatives), abs=1e-6)
    assert found["uniformity"] == pytest.approx(
        np.log(np.mean(np.exp(-2 * np.array(distances)))), rel=1e-5
    )
    for view in (0, 1):
        singular = np.linalg.svd(np.concatenate([b[view] for b in batches]), compute_uv=False)
        shares = singular / singular.sum()
        rank = np.exp(-np.sum(shares * np.log(shares)))
        assert found[f"effective_rank_z{view + 1}"] == pytest.approx(rank, rel=1e-5)


def test_full_collapse_and_full_spread() -> None:
    point = np.tile(unit_rows(1, 64, 0), (40, 1))
    collapsed = measure(64, (point, point))
    assert collapsed["effective_rank_z1"] == pytest.approx(1.0, abs=1e-3)
    assert collapsed["uniformity"] == pytest.approx(0.0, abs=1e-5)
    assert collapsed["negative_similarity"] == pytest.approx(1.0)
    axes = np.eye(64, dtype=np.float32)
    spread = measure(64, (axes, axes))
    assert spread["effective_rank_z1"] == pytest.approx(64.0)
    assert spread["uniformity"] == pytest.approx(-4.0)
    assert spread["alignment"] == 0.0


def test_a_batch_without_pairs_counts_nothing() -> None:
    pair, single, none = (unit_rows(n, 4, 1) for n in (2, 1, 0))
    alone = measure(4, (pair, pair))
    joined = measure(4, (none, none), (pair, pair), (single, single))
    assert joined["uniformity"] == pytest.approx(alone["uniformity"])
    assert joined["negative_similarity"] == pytest.approx(alone["negative_similarity"])
    assert np.isnan(measure(4, (single, single))["uniformity"])


def test_effective_rank_of_nothing() -> None:
    assert float(EffectiveRank(3).result()) == 0.0


def test_fit_reports_them_for_the_whole_epoch_and_evaluate_does_not() -> None:
    model = make_model(compile_arguments={"run_eagerly": True})
    batches = training_batches(ring_walks(20), 10, 64)
    history = model.fit(batches, epochs=2, verbose=0).history
    assert set(NAMES) < set(history)
    assert all(isinstance(value, float) for name in NAMES for value in history[name])
    assert 1.0 <= history["effective_rank_z1"][-1] <= 16.0
    assert history["effective_rank_z1"][0] != history["effective_rank_z1"][1]
    # Views are unit vectors, so one follows from the other.
    aligned = 2 - 2 * np.array(history["positive_similarity"])
    np.testing.assert_allclose(history["alignment"], aligned, atol=1e-5)
    results = model.evaluate(tf.constant([[1, 2], [3, 4]]), tf.constant([3, 5]), verbose=0)
    assert len(results) == len(model.evaluation_metrics)
    assert set(NAMES).isdisjoint(metric.name for metric in model.evaluation_metrics)


def test_they_do_not_change_what_is_learned() -> None:
    plain, watched = (make_model(compile_arguments={"run_eagerly": True}) for _ in range(2))
    plain._diagnostics.update_state = lambda z1, z2: None
    batches = training_batches(ring_walks(20), 10, 64).cache()
    for model in (plain, watched):
        model.fit(batches, epochs=1, verbose=0)
    for a, b in zip(plain.get_weights(), watched.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
