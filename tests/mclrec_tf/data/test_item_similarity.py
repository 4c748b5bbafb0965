"""Neighbours equal those of a count in plain Python."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mclrec_tf.data.histories import Histories
from mclrec_tf.data.item_similarity import similar_items

ITEMS = 8
histories = st.lists(st.lists(st.integers(1, ITEMS), max_size=12), min_size=1, max_size=10)


def counted(rows: list[list[int]], window: int) -> dict[tuple[int, int], float]:
    together: Counter[tuple[int, int]] = Counter()
    for row in rows:
        for place, one in enumerate(row):
            for other in row[place + 1 : place + 1 + window]:
                if one != other:
                    for pair in ((one, other), (other, one)):
                        together[pair] += 1 / math.log(1 + len(row))
    counts = Counter(item for row in rows for item in row)
    return {(a, b): n / math.sqrt(counts[a] * counts[b]) for (a, b), n in together.items()}


@given(histories, st.integers(1, 4), st.integers(1, 6))
def test_nearest_first(rows: list[list[int]], count: int, window: int) -> None:
    found = similar_items(Histories.from_lists(rows), ITEMS, count, window)
    assert found.shape == (ITEMS + 1, count)
    similarity = counted(rows, window)
    for item in range(ITEMS + 1):
        others = sorted((other for one, other in similarity if one == item))
        expected = sorted((similarity[item, other] for other in others), reverse=True)[:count]
        neighbours = found[item].tolist()
        if not others:
            assert neighbours == [item] * count
            continue
        best = [similarity[item, neighbour] for neighbour in neighbours]
        padded = expected + expected[:1] * (count - len(expected))
        np.testing.assert_allclose(best, padded)
        assert len(set(neighbours)) == min(count, len(others))


def test_equally_near_items_by_popularity() -> None:
    rows = [[3, 1], [3, 2], [1], [2]]
    assert similar_items(Histories.from_lists(rows), 3, count=2)[3].tolist() == [1, 2]


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="count must be at least 1, got 0"):
        similar_items(Histories.from_lists([[1, 2]]), 2, count=0)
