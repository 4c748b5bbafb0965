"""Ranks equal a plain count of the candidates ahead; metrics equal their formulas."""

import keras
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from mclrec_tf.evaluation.ranking_metrics import MRR, NDCG, HitRate
from mclrec_tf.evaluation.ranks import seen_items, target_ranks

ITEMS = 8


def ranks(scores: list[float], history: list[int], target: int) -> tuple[int, int]:
    seen = tf.reshape(tf.constant(history, tf.int32), [1, -1])
    found = target_ranks(tf.constant([[9e9, *scores]]), tf.constant([target]), seen)
    return int(found.all_items[0]), int(found.unseen_items[0])


@settings(max_examples=150)
@given(
    st.lists(st.integers(-3, 3).map(float), min_size=ITEMS, max_size=ITEMS),
    st.lists(st.integers(0, ITEMS), max_size=6),
    st.integers(1, ITEMS),
)
def test_rank_counts_the_candidates_ahead(
    scores: list[float], history: list[int], target: int
) -> None:
    by_id = dict(enumerate(scores, start=1))
    ahead = {item for item, score in by_id.items() if score > by_id[target]}
    unseen = set(by_id) - set(history)
    behind_all = target in history
    expected_unseen = 1 + len(unseen - {target} if behind_all else ahead & unseen)
    assert ranks(scores, history, target) == (1 + len(ahead), expected_unseen)


def test_nan_never_helps() -> None:
    nan = float("nan")
    assert ranks([nan] * ITEMS, [], 3) == (ITEMS, ITEMS)
    assert ranks([0.0, nan, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [], 3) == (2, 2)


def test_seen_items() -> None:
    seen = seen_items(tf.constant([[2, 2, 0], [0, 0, 0]]), 3)
    assert seen.numpy().tolist() == [[True, False, True, False], [True, False, False, False]]


@pytest.mark.parametrize(
    ("metric", "expected"),
    [(HitRate(3), 2 / 4), (NDCG(3), (1 + 0.5) / 4), (MRR(3), (1 + 1 / 3) / 4)],
)
def test_metrics(metric: keras.metrics.Metric, expected: float) -> None:
    metric.update_state(tf.constant([1, 3], tf.int64))
    metric.update_state(tf.constant([4, 1000], tf.int64))
    assert float(metric.result()) == pytest.approx(expected, rel=1e-6)
    again = type(metric).from_config(metric.get_config())
    assert (again.name, again.k) == (metric.name, 3)
    metric.reset_state()
    assert float(metric.result()) == 0.0


def test_bad_cutoff() -> None:
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        NDCG(0)
