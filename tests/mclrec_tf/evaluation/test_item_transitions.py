"""Counted transitions rank as exact fractions do, sorted in plain Python."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from mclrec_tf.data.histories import Histories
from mclrec_tf.evaluation.baselines import Popularity
from mclrec_tf.evaluation.item_transitions import ItemTransitions
from mclrec_tf.evaluation.offline import rank_targets

ITEMS = 7
Logs = list[list[int]]

logs = st.lists(st.lists(st.integers(1, ITEMS), max_size=12), max_size=12)
decays = st.sampled_from([0, 0.3, 0.5, 0.6, 0.9, 1])
examples = settings(deadline=None, max_examples=60)


def expected_order(
    train: Logs, history: list[int], decay: float, reach: int, max_followers: int = ITEMS
) -> list[int]:
    """All items by falling mass, equal ones by id: fractions, so nothing is rounded."""
    counts = Counter(pair for row in train for pair in pairwise(row))
    mass = dict.fromkeys(range(1, ITEMS + 1), Fraction(0))
    for age, last in enumerate(history[::-1][:reach]):
        followers = sorted(
            (j for j in mass if counts[last, j]), key=lambda j: (-counts[last, j], j)
        )
        for j in followers[:max_followers]:
            mass[j] += Fraction(str(decay)) ** age * counts[last, j]
    return sorted(mass, key=lambda j: (-mass[j], j))


def order_of(scores: tf.Tensor) -> Logs:
    """The items of each row by falling score; all of them have different ones."""
    found = scores.numpy()[:, 1:]
    assert all(len(set(row)) == ITEMS for row in found.tolist())
    return (np.argsort(-found, axis=1) + 1).tolist()


def padded(histories: Logs, columns: int) -> tf.Tensor:
    return tf.constant([row + [0] * (columns - len(row)) for row in histories], tf.int32)


@examples
@given(logs, logs.filter(bool), decays, st.integers(1, 14), st.integers(0, 3), st.integers(1, 9))
def test_order_of_exact_fractions(
    train: Logs, asked: Logs, decay: float, reach: int, padding: int, max_followers: int
) -> None:
    """Of histories of any length in one batch, longer than the reach or empty, with any padding."""
    transitions = ItemTransitions.from_histories(
        Histories.from_lists(train), ITEMS, decay, reach, max_followers
    )
    scores = transitions(padded(asked, max(map(len, asked)) + padding))
    assert scores.shape == (len(asked), ITEMS + 1) and scores.dtype == tf.float32
    assert order_of(scores) == [
        expected_order(train, row, decay, reach, max_followers) for row in asked
    ]


@pytest.mark.parametrize("first", [4, 5])
def test_equal_masses_are_equal(first: int) -> None:
    """4 · 0.8 = 5 · 0.64, which floating-point numbers do not know."""
    assert 4 * 0.8 != 5 * 0.8**2
    train = [[2, first]] * 4 + [[1, 9 - first]] * 5
    asked = tf.constant([[1, 2, 3]])
    equal = ItemTransitions.from_histories(Histories.from_lists(train), ITEMS, 0.8, 3)
    assert order_of(equal(asked)) == [[4, 5, 1, 2, 3, 6, 7]]
    more = Histories.from_lists([*train, [1, 5]])
    assert order_of(ItemTransitions.from_histories(more, ITEMS, 0.8, 3)(asked))[0][:2] == [5, 4]


def test_masses_up_to_the_limit_do_not_overflow() -> None:
    most = 2**31 - 1
    followers = np.zeros((ITEMS + 1, 2), np.int32)
    counts = np.zeros_like(followers)
    followers[1], counts[1] = [6, 5], [most, most - 1]
    transitions = ItemTransitions(tf.constant(followers), tf.constant(counts), 0.5, 32)
    assert order_of(transitions(tf.constant([[1] * 32]))) == [[6, 5, 1, 2, 3, 4, 7]]
    with pytest.raises(ValueError, match=r"decay 0.5 over a reach of 33 needs more than 64 bits"):
        replace(transitions, reach=33)


def test_tables_hold_the_most_frequent_followers() -> None:
    histories = Histories.from_lists([[1, 3, 1, 4], [], [1, 4], [2, 2], [1, 2]])
    transitions = ItemTransitions.from_histories(histories, 4, max_followers=2)
    assert transitions.followers.numpy().tolist() == [[0, 0], [4, 2], [2, 0], [1, 0], [0, 0]]
    assert transitions.counts.numpy().tolist() == [[0, 0], [2, 1], [1, 0], [1, 0], [0, 0]]
    assert transitions.num_items == 4
    assert ItemTransitions.from_histories(histories, 4).followers.shape == (5, 3)


@pytest.mark.parametrize("train", [[], [[]], [[1], [2]]])
def test_nothing_counted_is_popularity(train: Logs) -> None:
    transitions = ItemTransitions.from_histories(Histories.from_lists(train), ITEMS)
    for asked in (np.array([[1, 2, 0], [0, 0, 0]]), np.zeros((1, 0)), np.zeros((0, 0))):
        history = tf.constant(asked, tf.int32)
        assert np.array_equal(transitions(history), Popularity(ITEMS)(history))


def test_ranks_of_users() -> None:
    """In one graph for histories of all lengths, under both policies."""
    train = Histories.from_lists([[1, 5, 2], [3, 5, 2], [5, 4]])
    transitions = ItemTransitions.from_histories(train, ITEMS, decay=0)
    asked = Histories.from_lists([[2, 5], [5], [1, 2, 3, 4, 5], [], [7, 6]])
    ranks = rank_targets(transitions, asked, np.array([4, 2, 6, 3, 1], np.int32), batch_size=2)
    assert ranks.all_items.tolist() == [2, 1, 6, 3, 1]
    assert ranks.unseen_items.tolist() == [1, 1, 1, 3, 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_items": 0}, "num_items must be at least 1, got 0"),
        ({"num_items": 2}, "histories: item 3 is beyond num_items=2"),
        ({"decay": 1.5}, r"decay must lie in 0\.\.1, got 1.5"),
        ({"decay": float("nan")}, r"decay must lie in 0\.\.1, got nan"),
        ({"reach": 2.5}, "reach must be a whole number, got 2.5"),
        ({"reach": 0}, "reach must be at least 1, got 0"),
        ({"max_followers": 0}, "max_followers must be at least 1, got 0"),
    ],
)
def test_numbers_out_of_range_are_refused(arguments: dict[str, float], message: str) -> None:
    values: dict[str, Any] = {"num_items": 3, **arguments}
    with pytest.raises(ValueError, match=message):
        ItemTransitions.from_histories(Histories.from_lists([[1, 2, 3]]), **values)
