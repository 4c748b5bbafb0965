import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mclrec_tf.data.histories import Histories, leave_one_out

lists = st.lists(st.lists(st.integers(1, 50), max_size=8), max_size=8)


@given(lists)
def test_histories_give_back_each_users_items(users: list[list[int]]) -> None:
    histories = Histories.from_lists(users)
    assert [history.tolist() for history in histories] == users
    assert len(histories) == len(users)
    assert histories.lengths.tolist() == [len(user) for user in users]
    assert histories.items.dtype == np.int32 and histories.row_splits.dtype == np.int64


@given(lists, st.integers(0, 9))
def test_without_last_shortens_each_history(users: list[list[int]], count: int) -> None:
    shorter = Histories.from_lists(users).without_last(count)
    assert [history.tolist() for history in shorter] == [
        user[: max(len(user) - count, 0)] for user in users
    ]


@given(st.lists(st.lists(st.integers(1, 50), min_size=3, max_size=8), max_size=8))
def test_leave_one_out_holds_out_the_last_two_events(users: list[list[int]]) -> None:
    train, validation, test = leave_one_out(Histories.from_lists(users))
    assert [history.tolist() for history in train] == [user[:-2] for user in users]
    assert [history.tolist() for history in validation.histories] == [user[:-2] for user in users]
    assert validation.targets.tolist() == [user[-2] for user in users]
    assert [history.tolist() for history in test.histories] == [user[:-1] for user in users]
    assert test.targets.tolist() == [user[-1] for user in users]
    assert validation.targets.dtype == test.targets.dtype == np.int32


def test_a_user_too_short_to_split_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"1 of 2 users have .* histories\[1\]"):
        leave_one_out(Histories.from_lists([[1, 2, 3], [1, 2]]))


def test_item_counts_have_a_place_for_every_item() -> None:
    assert Histories.from_lists([[2, 2], [1]]).item_counts(4).tolist() == [1, 2, 0, 0]


def test_users_are_counted_from_the_end_too_but_not_beyond() -> None:
    histories = Histories.from_lists([[1], [2, 3]])
    assert histories[-1].tolist() == [2, 3]
    with pytest.raises(IndexError):
        histories[2]


@pytest.mark.parametrize("splits", [[], [0, 1], [1, 2], [0, 2, 1, 2]])
def test_splits_that_do_not_cover_the_items_are_an_error(splits: list[int]) -> None:
    with pytest.raises(ValueError, match="row_splits"):
        Histories(np.array([5, 6], np.int32), np.array(splits, np.int64))
