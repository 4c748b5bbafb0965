"""Training batches ask for every prediction once; evaluation batches hold every user once."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mclrec_tf.data.batches import SCHEDULES, evaluation_batches, training_batches
from mclrec_tf.data.histories import Histories

users = st.lists(st.lists(st.integers(1, 99), max_size=12), min_size=1, max_size=10)


def predictions(histories: Histories, schedule: str, max_length: int = 4) -> Counter:
    """(context the encoder reads, next item) of every prediction asked for."""
    found: Counter = Counter()
    for history, targets in training_batches(histories, max_length, 6, schedule):
        assert history.shape == targets.shape
        assert history.shape[1] <= max_length
        for row, asked in zip(history.numpy(), targets.numpy(), strict=True):
            for position in np.flatnonzero(asked):
                assert row[position] > 0
                found[(*row[: position + 1].tolist(), "→", int(asked[position]))] += 1
    return found


@settings(max_examples=30)
@given(users.filter(lambda rows: any(len(row) > 1 for row in rows)))
def test_every_item_but_the_first_is_predicted_once(rows: list[list[int]]) -> None:
    histories = Histories.from_lists(rows)
    prefixes = Counter(
        (*row[max(0, end - 4) : end], "→", row[end]) for row in rows for end in range(1, len(row))
    )
    assert predictions(histories, "prefix") == prefixes
    causal = predictions(histories, "causal")
    pairs = [Counter(key[-3:] for key in found.elements()) for found in (prefixes, causal)]
    assert pairs[0] == pairs[1]  # the same item follows the same item equally often


def test_causal_windows_read_whole_histories_up_to_the_longest() -> None:
    found = predictions(Histories.from_lists([[1, 2, 3, 4, 5, 6, 7]]), "causal")
    assert (1, 2, "→", 3) in found
    assert (3, 4, 5, 6, "→", 7) in found


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_batches_are_of_like_size(schedule: str) -> None:
    random = np.random.default_rng(0)
    rows = [random.integers(1, 50, n).tolist() for n in random.integers(2, 40, 300)]
    batches = training_batches(Histories.from_lists(rows), 20, 128, schedule)
    asked = [int(np.count_nonzero(targets)) for _, targets in batches]
    assert sum(asked) == sum(len(row) - 1 for row in rows)
    assert len(asked) == batches.cardinality()
    assert all(128 - 20 <= n <= 128 + 20 for n in asked[:-1])


def test_nothing_waits_for_a_tuner() -> None:
    """The wait would be as long as the pass itself, too long to be watched here."""
    histories = Histories.from_lists([[1, 2]])
    for batches in (
        training_batches(histories),
        evaluation_batches(histories, np.array([1], np.int32)),
    ):
        assert batches.options().autotune.enabled is False


def test_seed_and_number_of_the_epoch_decide_the_order() -> None:
    histories = Histories.from_lists([[n, n + 1] for n in range(1, 60)])

    def order(dataset) -> list[int]:  # type: ignore[no-untyped-def]
        return [int(item) for history, _ in dataset for item in history[:, 0]]

    batches = training_batches(histories, seed=4, batch_size=8)
    first, second = order(batches), order(batches)
    assert sorted(first) == sorted(second)
    assert first != second
    assert first == order(training_batches(histories, seed=4, batch_size=8))
    # A training that goes on after one epoch sees what it would have seen.
    assert second == order(training_batches(histories, seed=4, batch_size=8, first_epoch=1))
    assert second != order(training_batches(histories, seed=5, batch_size=8))


def test_evaluation_batches_hold_every_user_once_in_full() -> None:
    rows = [[1], [2, 3, 4, 5], [], [6, 7]]
    found = {}
    batches = evaluation_batches(Histories.from_lists(rows), np.array([9, 8, 7, 6]), 3)
    for history, targets in batches:
        for row, target in zip(history.numpy(), targets.numpy(), strict=True):
            found[int(target)] = row[row > 0].tolist()
    assert found == {9: [1], 8: [2, 3, 4, 5], 7: [], 6: [6, 7]}


def test_bad_arguments() -> None:
    histories = Histories.from_lists([[1, 2]])
    with pytest.raises(ValueError, match=r"schedule must be one of .*'causal'"):
        training_batches(histories, schedule="fast")
    with pytest.raises(ValueError, match="(batch_size|max_length) must be at least 1"):
        training_batches(histories, batch_size=0)
    with pytest.raises(ValueError, match="nothing can be learned"):
        training_batches(Histories.from_lists([[1], []]))
