"""A split by time: nothing from the time that is predicted is learned from or shown."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mclrec_tf.data.histories import Histories
from mclrec_tf.data.interactions import load_interactions
from mclrec_tf.data.time_split import Periods, split_by_time

periods = st.builds(Periods, st.integers(1, 30), st.integers(1, 30))
times = st.lists(st.integers(-40, 40), min_size=1, max_size=12).map(sorted)


def log_of(users: list[list[int]]) -> tuple[Histories, np.ndarray]:
    """Histories in which every event has an item of its own, and their times."""
    place = iter(range(1, 1000))
    histories = Histories.from_lists([[next(place) for _ in user] for user in users])
    return histories, np.array([time for user in users for time in user], np.int64)


@given(st.lists(times, min_size=1, max_size=8), periods)
def test_no_event_after_the_cut_off_is_learned_from_or_shown(users, periods):
    histories, timestamps = log_of(users)
    time_of = dict(zip(histories.items.tolist(), timestamps.tolist(), strict=True))
    newest = max(timestamps)
    test_from, validation_from = newest - periods.test, newest - periods.test - periods.validation
    train, validation, test = split_by_time(histories, timestamps, periods)
    assert all(time_of[item] <= validation_from for item in train.items.tolist())
    assert all(time_of[item] <= validation_from for item in validation.histories.items.tolist())
    assert all(time_of[item] <= test_from for item in test.histories.items.tolist())
    assert all(validation_from < time_of[i] <= test_from for i in validation.targets.tolist())
    assert all(time_of[item] > test_from for item in test.targets.tolist())


@given(st.lists(times, min_size=1, max_size=8), periods)
def test_everybody_with_events_on_both_sides_is_there_with_all_that_came_before(users, periods):
    histories, timestamps = log_of(users)
    cut_offs = periods.cut_offs(int(timestamps.max()))
    train, *held_out = split_by_time(histories, timestamps, periods)
    expected = {name: [] for name in ("train", "validation", "test")}
    ends = (cut_offs.validation_from, cut_offs.test_from, np.inf)
    for user, its_times in zip(histories, users, strict=True):
        sides = [[i for i, t in zip(user, its_times, strict=True) if t < end] for end in ends]
        if sides[0]:
            expected["train"].append(sides[0])
        for name, before, after in zip(("validation", "test"), sides, sides[1:], strict=False):
            if before and len(after) > len(before):
                expected[name].append((before, after[len(before)]))
    assert [user.tolist() for user in train] == expected["train"]
    for name, (its_histories, targets) in zip(("validation", "test"), held_out, strict=True):
        found = [
            (history.tolist(), target)
            for history, target in zip(its_histories, targets, strict=True)
        ]
        assert found == expected[name]


@given(st.lists(times, min_size=1, max_size=8), periods, st.data())
def test_what_comes_later_changes_nothing_that_is_learned(users, periods, data):
    histories, timestamps = log_of(users)
    train, validation, _ = split_by_time(histories, timestamps, periods)
    cut_offs = periods.cut_offs(int(timestamps.max()))
    later = np.flatnonzero((timestamps >= cut_offs.test_from) & (timestamps < timestamps.max()))
    items = histories.items.copy()
    items[later] = data.draw(st.permutations(items[later].tolist()))
    changed = split_by_time(Histories(items, histories.row_splits), timestamps, periods)
    assert changed.train.items.tolist() == train.items.tolist()
    assert changed.validation.targets.tolist() == validation.targets.tolist()


def test_events_of_the_same_time_stay_on_one_side():
    histories, timestamps = log_of([[1, 5, 5, 5], [1, 4, 4, 9]])
    train, validation, test = split_by_time(histories, timestamps, Periods(1, 4))
    # Newest is 9: the test starts at 6, validation at 5.
    assert [user.tolist() for user in train] == [[1], [5, 6, 7]]
    assert (validation.histories[0].tolist(), validation.targets.tolist()) == ([1], [2])
    assert (test.histories[0].tolist(), test.targets.tolist()) == ([5, 6, 7], [8])


def test_nothing_to_split():
    train, validation, test = split_by_time(*log_of([]), Periods(1, 1))
    assert len(train) == len(validation.targets) == len(test.targets) == 0


@pytest.mark.parametrize("wrong", [(0, 1), (1, 0), (-1, 5)])
def test_periods_have_a_length(wrong: tuple[int, int]):
    with pytest.raises(ValueError, match="validation must be at least 1|test must be at least 1"):
        Periods(*wrong)


def test_ids_run_by_frequency_before_the_cut_off(tmp_path: Path):
    log = tmp_path / "log.csv"
    late = [f"{user},late,{90 + n}" for user in "abc" for n in range(5)]
    early = [f"{user},{item},{n}" for user in "abc" for n, item in enumerate(["tea", "rum", "tea"])]
    log.write_text("\n".join(["user_id,item_id,timestamp", *late, *early]) + "\n")
    assert load_interactions(str(log), k_core=3).item_ids[0] == "late"
    by_time = load_interactions(str(log), k_core=3, periods=Periods(5, 5))
    assert by_time.item_ids == ["tea", "rum", "late"]
    assert by_time.timestamps[:5].tolist() == [0, 1, 2, 90, 91]
