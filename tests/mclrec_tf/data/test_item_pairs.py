"""Pairs of items that stand near each other: the counts of a plain loop."""

import math
from collections import Counter

import numpy as np
import pytest

from mclrec_tf.data.histories import Histories
from mclrec_tf.data.item_pairs import ItemPairs, item_pairs, strongest

NUM_ITEMS = 9


def some_histories(seed: int) -> list[list[int]]:
    random = np.random.default_rng(seed)
    lengths = [0, 1, 2, *random.integers(2, 12, 30)]
    return [random.integers(1, NUM_ITEMS + 1, length).tolist() for length in lengths]


def by_loops(
    lists: list[list[int]], window: int, decay: float, both_ways: bool, by_length: bool
) -> dict[tuple[int, int], float]:
    found: Counter[tuple[int, int]] = Counter()
    for history in lists:
        weight = 1 / math.log(1 + len(history)) if by_length and history else 1.0
        for begin, one in enumerate(history):
            for distance, other in enumerate(history[begin + 1 : begin + 1 + window]):
                if one != other:
                    found[one, other] += weight * decay**distance
                    if both_ways:
                        found[other, one] += weight * decay**distance
    return {pair: value for pair, value in found.items() if value}


@pytest.mark.parametrize(
    ("window", "decay", "both_ways", "by_length"),
    [
        (1, 1.0, False, False),
        (3, 0.7, False, False),
        (40, 1.0, True, True),
        (2, 0.5, True, False),
    ],
)
def test_the_weights_are_those_of_a_loop_over_pairs(
    window: int, decay: float, both_ways: bool, by_length: bool
) -> None:
    lists = some_histories(3)
    pairs = item_pairs(Histories.from_lists(lists), NUM_ITEMS, window, decay, both_ways, by_length)
    keys = list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    assert keys == sorted(set(keys))
    expected = by_loops(lists, window, decay, both_ways, by_length)
    assert dict(zip(keys, pairs.weight, strict=True)) == pytest.approx(expected)


def test_the_strongest_come_first_and_of_equal_ones_the_lower_id() -> None:
    pairs = ItemPairs(
        np.array([1, 1, 1, 3, 3]), np.array([2, 3, 4, 1, 2]), np.array([1.0, 2.0, 1.0, 5.0, 5.0])
    )
    found = strongest(pairs, num_items=4, count=2)
    assert found.items.tolist() == [[0, 0], [3, 2], [0, 0], [1, 2], [0, 0]]
    assert found.weights.tolist() == [[0, 0], [2, 1], [0, 0], [5, 5], [0, 0]]


@pytest.mark.parametrize("lists", [[], [[]], [[5]], [[2, 2, 2]]])
def test_no_pairs_are_no_neighbours(lists: list[list[int]]) -> None:
    pairs = item_pairs(Histories.from_lists(lists), NUM_ITEMS, window=3)
    assert len(pairs.first) == 0
    assert not strongest(pairs, NUM_ITEMS, 4).items.any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_items": 3}, "histories: item 4 is beyond num_items=3"),
        ({"num_items": 4, "window": 0}, "window must be"),
        ({"num_items": 4, "decay": 1.5}, "decay must lie in 0..1"),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        item_pairs(Histories.from_lists([[1, 4]]), **{"window": 1, **arguments})
