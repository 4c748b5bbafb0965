"""Metrics of cold, rare and other targets: held against a plain loop."""

import numpy as np
import pytest

from mclrec_tf.evaluation.offline import summarize
from mclrec_tf.evaluation.ranks import Ranks
from mclrec_tf.evaluation.target_slices import summarize_by_training_events

EVENTS = np.array([40, 6, 5, 1, 0])
TARGETS = np.array([1, 5, 2, 0, 3, 4, 4])
RANKS = Ranks(np.array([1, 9, 30, 6, 2, 11, 4]), np.array([1, 4, 12, 6, 1, 10, 3]))


def test_each_user_is_in_the_slice_of_the_target() -> None:
    slices = summarize_by_training_events(RANKS, TARGETS, EVENTS)
    for name, users in (("cold", [1, 3]), ("1-5", [4, 5, 6]), ("warm", [0, 2])):
        of_slice = slices[name]
        assert of_slice.pop("users") == len(users)
        expected = np.mean([RANKS.unseen_items[user] <= 5 for user in users])
        assert of_slice["unseen_items_hit_rate_at_5"] == pytest.approx(expected)
        expected = np.mean([1 / RANKS.all_items[u] * (RANKS.all_items[u] <= 20) for u in users])
        assert of_slice["all_items_mrr_at_20"] == pytest.approx(expected)


def test_slices_together_are_all_users() -> None:
    slices = summarize_by_training_events(RANKS, TARGETS, EVENTS)
    for name, value in summarize(RANKS).items():
        parts = [of_slice["users"] * of_slice[name] for of_slice in slices.values()]
        assert sum(parts) / len(TARGETS) == pytest.approx(value)


def test_a_slice_without_users_says_so() -> None:
    slices = summarize_by_training_events(
        Ranks(np.array([3]), np.array([2])), np.array([1]), EVENTS
    )
    assert slices["cold"] == slices["1-5"] == {"users": 0}
    none = np.zeros(0, np.int64)
    of_nobody = summarize_by_training_events(Ranks(none, none), none, EVENTS)
    assert all(of_slice == {"users": 0} for of_slice in of_nobody.values())


@pytest.mark.parametrize(
    ("targets", "events", "message"),
    [
        (TARGETS[1:], EVENTS, "6 targets, but 7 ranks"),
        (TARGETS + 1, EVENTS, r"targets must lie in 0\.\.5.*got 1 to 6"),
        (TARGETS - 1, EVENTS, "got -1 to 4"),
        (TARGETS, EVENTS / 2, "training_events must be integers"),
        (TARGETS[:, None], EVENTS, "targets must be integers in one dimension"),
    ],
)
def test_what_does_not_fit_is_refused(
    targets: np.ndarray, events: np.ndarray, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        summarize_by_training_events(RANKS, targets, events)
