"""Histories of many users in one flat array, and their leave-one-out split."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

MIN_EVENTS = 3  # one to train on, one to validate, one to test


@dataclass(frozen=True, eq=False)
class Histories:
    """Item ids of many users, oldest first, one user after the other.

    Args:
        items: int32 [N], ids from 1 (0 is padding and never occurs).
        row_splits: int64 [U + 1]; user u's items are `items[row_splits[u]:row_splits[u + 1]]`,
            as in `tf.RaggedTensor.from_row_splits`.

    Example:
        >>> from mclrec_tf.data.histories import Histories
        >>> histories = Histories.from_lists([[3, 1], [2, 3, 3]])
        >>> len(histories), histories[1], histories.lengths
        (2, array([2, 3, 3], dtype=int32), array([2, 3]))
    """

    items: npt.NDArray[np.int32]
    row_splits: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        splits = self.row_splits
        if len(splits) == 0 or splits[0] != 0 or splits[-1] != len(self.items):
            raise ValueError(
                f"row_splits must go from 0 to the number of items, {len(self.items)}, "
                f"got {splits}."
            )
        if (np.diff(splits) < 0).any():
            raise ValueError("row_splits must not fall.")

    @classmethod
    def from_lists(cls, histories: list[list[int]]) -> Histories:
        """Histories given as one list of item ids a user."""
        lengths = [len(history) for history in histories]
        items = [item for history in histories for item in history]
        return cls.from_lengths(np.array(items, np.int32), np.array(lengths, np.int64))

    @classmethod
    def from_lengths(
        cls, items: npt.NDArray[np.int32], lengths: npt.NDArray[np.int64]
    ) -> Histories:
        """The items of all users one after the other, and how many are each user's."""
        return cls(items, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))

    def __len__(self) -> int:
        return len(self.row_splits) - 1

    def __getitem__(self, user: int) -> npt.NDArray[np.int32]:
        if not -len(self) <= user < len(self):
            raise IndexError(f"user {user} of {len(self)}")
        user %= len(self)
        return self.items[self.row_splits[user] : self.row_splits[user + 1]]

    def __iter__(self) -> Iterator[npt.NDArray[np.int32]]:
        return (self[user] for user in range(len(self)))

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Number of items of each user, int64 [U]."""
        return np.diff(self.row_splits)

    def take(self, users: npt.NDArray[np.int64]) -> Histories:
        """The histories of the given users, in the given order."""
        lengths = self.lengths[users]
        begins = np.repeat(self.row_splits[users], lengths)
        return Histories.from_lengths(self.items[begins + positions(lengths)], lengths)

    def item_counts(self, num_items: int) -> npt.NDArray[np.int64]:
        """How often each item occurs, int64 [num_items]; position i is item i + 1."""
        return np.bincount(self.items, minlength=num_items + 1)[1:]

    def without_last(self, count: int) -> Histories:
        """The same users without their last `count` items (all of them, if they have fewer)."""
        lengths = np.maximum(self.lengths - count, 0)
        kept = positions(self.lengths) < np.repeat(lengths, self.lengths)
        return Histories.from_lengths(self.items[kept], lengths)


def positions(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """0, 1, …, count - 1 for each count, one after the other.

    Example:
        >>> import numpy as np
        >>> from mclrec_tf.data.histories import positions
        >>> positions(np.array([2, 0, 3]))
        array([0, 1, 0, 1, 2])
    """
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)


class HeldOut(NamedTuple):
    """One event a user to predict, and the history before it."""

    histories: Histories
    targets: npt.NDArray[np.int32]


class Splits(NamedTuple):
    """The parts of a leave-one-out split."""

    train: Histories
    validation: HeldOut
    test: HeldOut


def leave_one_out(histories: Histories) -> Splits:
    """Holds out each user's last event for the test and the one before for validation.

    For a user with events s_1 … s_T: training has s_1 … s_{T-2}; validation predicts s_{T-1} from
    those; the test predicts s_T from s_1 … s_{T-1}.

    Raises:
        ValueError: A user has fewer than three events.

    Example:
        >>> from mclrec_tf.data.histories import Histories, leave_one_out
        >>> train, validation, test = leave_one_out(Histories.from_lists([[5, 6, 7, 8]]))
        >>> train[0].tolist(), validation.targets.tolist()
        ([5, 6], [7])
        >>> test.histories[0].tolist(), test.targets.tolist()
        ([5, 6, 7], [8])
    """
    if (short := histories.lengths < MIN_EVENTS).any():
        raise ValueError(
            f"{short.sum()} of {len(histories)} users have fewer than {MIN_EVENTS} events, the "
            f"first is histories[{short.argmax()}]. Drop them before the split."
        )
    train = histories.without_last(2)
    last = histories.row_splits[1:] - 1
    return Splits(
        train=train,
        validation=HeldOut(train, histories.items[last - 1]),
        test=HeldOut(histories.without_last(1), histories.items[last]),
    )
