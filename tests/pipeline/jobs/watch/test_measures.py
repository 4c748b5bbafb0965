"""The measures of drift and the intervals, against other ways to compute them."""

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from pipeline.jobs.watch.measures import (
    divergence,
    group_names,
    item_divergence,
    length_groups,
    rate,
)


def test_the_divergence_is_scipys_distance_squared() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        one, other = random.integers(0, 9, (2, 30))
        assert divergence(one, other) == pytest.approx(jensenshannon(one, other, base=2) ** 2)
        assert divergence(one, other) == divergence(other, one)
    assert divergence(np.array([3, 0]), np.array([0, 1])) == 1


def test_lengths_are_grouped_by_their_names() -> None:
    lengths = np.arange(1500)
    for name, count in zip(group_names(), length_groups(lengths), strict=True):
        first, _, last = name.rstrip("+").partition("–")
        end = 1499 if name.endswith("+") else int(last or first)
        assert count == end - int(first) + 1


def test_chance_alone_is_no_drift_of_items() -> None:
    random = np.random.default_rng(0)
    shares = 1 / np.arange(1, 20_001)
    one, other = random.choice(20_000, (2, 20_000), p=shares / shares.sum())
    counts = (np.bincount(x, minlength=20_000) for x in (one, other))
    assert divergence(*counts) > 0.15  # over the whole catalogue
    assert item_divergence(one, other, 20_000) < 0.005
    assert item_divergence(one, one + 5_000, 25_000) > 0.3
    assert item_divergence(one, np.zeros(9, int), 20_000) > 0.5


def test_of_users_with_one_prediction_the_interval_is_wilsons() -> None:
    hits = np.arange(200) < 30
    found = rate(hits, np.arange(200))
    assert found is not None
    wilson = stats.binomtest(30, 200).proportion_ci(method="wilson")
    assert (found.hits, found.of, found.value) == (30, 200, 0.15)
    # The design effect of independent predictions is n / (n - 1).
    assert (found.low, found.high) == pytest.approx((wilson.low, wilson.high), abs=5e-4)


def test_users_who_repeat_themselves_are_worth_one_prediction_each() -> None:
    hits = np.arange(200) < 30
    once = rate(hits, np.arange(200))
    often = rate(np.repeat(hits, 10), np.repeat(np.arange(200), 10))
    assert once is not None and often is not None
    assert (often.low, often.high) == pytest.approx((once.low, once.high), abs=1e-9)
    same = np.zeros(2000, bool)
    never, rarely = rate(same, np.repeat(np.arange(200), 10)), rate(same[:200], np.arange(200))
    assert never is not None and rarely is not None
    assert (never.low, never.high) == (0, pytest.approx(rarely.high))


def test_of_one_user_next_to_nothing_is_known() -> None:
    found = rate(np.ones(1000, bool), np.zeros(1000, int))
    assert found is not None and found.low < 0.25 and found.high == 1
    assert rate(np.zeros(0, bool), np.zeros(0, int)) is None


def test_the_interval_holds_what_it_says() -> None:
    """Users differ: the share of intervals that hold the truth is near 95 %."""
    random = np.random.default_rng(0)
    users = np.repeat(np.arange(100), random.integers(1, 9, 100))
    held = 0
    for _ in range(400):
        own = random.beta(1, 9, 100)
        found = rate(random.random(len(users)) < own[users], users)
        assert found is not None
        held += found.low <= 0.1 <= found.high
    assert 0.92 <= held / 400 <= 0.98
