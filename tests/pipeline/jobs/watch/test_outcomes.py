"""The event after a history, found by the history alone: against a search through every user."""

import numpy as np
import pytest

from mclrec_tf.data.histories import Histories
from pipeline.jobs.watch.events import Events
from pipeline.jobs.watch.outcomes import AMBIGUOUS, EMPTY, PENDING, UNMATCHED, join


def events(users: list[list[int]], seconds: list[list[int]] | None) -> Events:
    histories = Histories.from_lists(users)
    times = None if seconds is None else np.concatenate(seconds).astype(np.int64)
    names = [f"i{n}" for n in range(int(histories.items.max(initial=0)) + 1)]
    return Events(histories, names, times)


def joined(served: list[list[int]], times: list[int], log: Events, known: int = 99) -> list[int]:
    item_of = np.array([n if n < known else -1 for n in range(100)])
    return join(Histories.from_lists(served), np.array(times), log, item_of).tolist()


def searched(
    history: list[int], time: int, users: list[list[int]], seconds: list[list[int]] | None
) -> int:
    """The same by looking at every point of every user."""
    if not history:
        return EMPTY
    whole, ends, place = [], [], 0
    for number, items in enumerate(users):
        for end in range(len(items)):
            is_last = end + 1 == len(items)
            fits = end + 1 >= len(history) and items[end + 1 - len(history) : end + 1] == history
            if fits and seconds is not None and time:
                of_user = seconds[number]
                fits = of_user[end] <= time and (is_last or of_user[end + 1] >= time)
            if fits:
                found = PENDING if is_last else place + end + 1
                (whole if end + 1 == len(history) else ends).append(found)
        place += len(items)
    for points in (whole, ends):
        if points:
            return points[0] if len(points) == 1 else AMBIGUOUS
    return UNMATCHED


@pytest.mark.parametrize("has_times", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_it_is_what_a_search_finds(seed: int, has_times: bool) -> None:
    random = np.random.default_rng(seed)
    users = [random.integers(0, 4, random.integers(1, 9)).tolist() for _ in range(30)]
    seconds = [np.sort(random.integers(1, 50, len(items))).tolist() for items in users]
    served, times = [], []
    for _ in range(400):
        items = users[random.integers(len(users))]
        end = random.integers(0, len(items) + 1)
        served.append(items[max(0, end - random.integers(0, 9)) : end])
        times.append(int(random.integers(0, 50)))
    served += [[3, 9], [98], [1] * 12]
    times += [10, 10, 10]
    log = events(users, seconds if has_times else None)
    expected = [
        searched(history, time, users, seconds if has_times else None)
        for history, time in zip(served, times, strict=True)
    ]
    assert joined(served, times, log, known=4) == expected
    assert len({min(outcome, 0) for outcome in expected}) == 5


def test_time_tells_users_apart_that_have_the_same_history() -> None:
    users, seconds = [[0, 1, 2], [0, 1, 3]], [[10, 20, 30], [40, 50, 60]]
    asked = [[0, 1]] * 5
    log = events(users, seconds)
    assert joined(asked, [25, 55, 35, 0, 20], log) == [2, 5, UNMATCHED, AMBIGUOUS, 2]
    assert joined(asked, [25, 55, 35, 0, 20], events(users, None)) == [AMBIGUOUS] * 5


def test_the_end_of_a_long_history_is_joined_and_a_whole_one_comes_first() -> None:
    users = [[5, 0, 1, 2], [0, 1, 3], [6, 4, 7]]
    log = events(users, None)
    assert joined([[0, 1], [5, 0, 1], [4], [4, 7], [2]], [0] * 5, log) == [
        6,
        3,
        9,
        PENDING,
        PENDING,
    ]


def test_a_history_of_very_many_users_is_joined_by_its_time() -> None:
    users = [[0, 1]] * 20_000
    seconds = [[10 * number, 10 * number + 5] for number in range(1, 20_001)]
    times = [10 * number + 2 for number in range(1, 20_001)]
    followed = join(
        Histories.from_lists([[0]] * 20_000),
        np.array(times),
        events(users, seconds),
        np.arange(2),
    )
    np.testing.assert_array_equal(followed, 2 * np.arange(20_000) + 1)
    assert set(joined([[0]] * 9, [0] * 9, events(users, None))) == {AMBIGUOUS}


def test_no_users_items_run_into_the_next_ones() -> None:
    assert joined([[1, 2], [0, 1]], [0, 0], events([[0, 1], [2, 3]], None)) == [UNMATCHED, PENDING]
