"""Groups of items by popularity, and of users by what they come back to."""

from collections import Counter

import pytest

from pipeline.components.evaluator.slices import (
    events_group,
    judged_policy,
    novelty,
    popularity_borders,
    popularity_group,
)


def groups(counts: list[int]) -> list[str]:
    borders = popularity_borders(Counter(counts))
    return [popularity_group(count, borders) for count in counts]


def test_each_group_holds_a_third_of_the_events():
    counts = [1] * 300 + [10] * 30 + [100] * 3
    assert groups(counts) == ["tail"] * 300 + ["torso"] * 30 + ["head"] * 3


def test_items_of_equal_count_stay_together():
    assert groups([3, 3, 3, 3]) == ["tail"] * 4
    assert groups([1, 1, 8]) == ["tail", "tail", "tail"]
    assert groups([5, 6, 9, 10]) == ["tail", "tail", "torso", "head"]


def test_an_item_that_is_never_trained_on_is_cold_whatever_the_others():
    for counts in ([], [1], [7, 9]):
        assert popularity_group(0, popularity_borders(Counter(counts))) == "cold"


@pytest.mark.parametrize(
    ("count", "expected"), [(0, "cold"), (1, "1-5"), (5, "1-5"), (6, "warm"), (10**6, "warm")]
)
def test_items_by_their_training_events(count: int, expected: str):
    assert events_group(count) == expected


@pytest.mark.parametrize(("history", "expected"), [([b"a", b"b"], "repeated"), ([b"b"], "new")])
def test_novelty(history: list[bytes], expected: str):
    assert novelty(b"a", history) == expected


def test_only_repeats_are_judged_by_all_items():
    assert judged_policy("target_novelty repeated") == "all_items"
    for name in ("all users", "target_novelty new", "length_group 5", "target_popularity cold"):
        assert judged_policy(name) == "unseen_items"
