"""The decay that ranks best on validation is chosen."""

import numpy as np
import pytest

from mclrec_tf.data.histories import HeldOut, Histories
from mclrec_tf.evaluation.decay import CHOSEN_BY, best_decay, sample_of
from mclrec_tf.evaluation.item_transitions import ItemTransitions


def users(count: int) -> HeldOut:
    histories = Histories.from_lists([[number + 1] * (number % 3) for number in range(count)])
    return HeldOut(histories, np.arange(count, dtype=np.int32))


def test_of_equally_good_decays_the_first_is_chosen() -> None:
    counted = ItemTransitions.from_histories(Histories.from_lists([[1, 2], [3, 4]]), 5, decay=0.9)
    validation = HeldOut(Histories.from_lists([[5, 3]]), np.array([4], np.int32))
    best, metrics = best_decay(counted, validation, (0.3, 0.0))
    assert best.decay == 0.3
    assert list(metrics) == [0.3, 0.0]
    assert {values[CHOSEN_BY] for values in metrics.values()} == {1.0}
    assert best.counts is counted.counts


def test_a_better_decay_is_chosen_wherever_it_stands() -> None:
    """1 is followed by 2 three times, and 9 by 5, 6 and 7 once each."""
    train = Histories.from_lists([[1, 2]] * 3 + [[9, 5], [9, 6], [9, 7]])
    counted = ItemTransitions.from_histories(train, 9)
    validation = HeldOut(Histories.from_lists([[1, 9]]), np.array([2], np.int32))
    for decays in ((0.0, 0.3, 0.6), (0.6, 0.3, 0.0)):
        best, metrics = best_decay(counted, validation, decays)
        assert best.decay == 0.6
        assert metrics[0.6][CHOSEN_BY] == 1 > metrics[0.3][CHOSEN_BY] > 0


def test_without_a_decay_nothing_can_be_chosen() -> None:
    counted = ItemTransitions.from_histories(Histories.from_lists([[1, 2]]), 2)
    with pytest.raises(ValueError, match="decays is empty"):
        best_decay(counted, users(2), ())


@pytest.mark.parametrize(
    ("count", "expected"), [(10, [0, 3, 6, 9]), (4, [0, 1, 2, 3]), (2, [0, 1])]
)
def test_a_sample_is_spread_over_all_users(count: int, expected: list[int]) -> None:
    found = sample_of(users(count), 4)
    assert found.targets.tolist() == expected
    assert [history.tolist() for history in found.histories] == [
        [number + 1] * (number % 3) for number in expected
    ]


def test_a_sample_of_nobody_is_empty() -> None:
    assert len(sample_of(users(0)).targets) == 0
    with pytest.raises(ValueError, match="users must be at least 1, got 0"):
        sample_of(users(1), 0)
