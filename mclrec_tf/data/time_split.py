"""A split by time: what came before a cut-off is learned from, what came after it is predicted.

Two cut-offs, the same for all users. No history holds an event at or after the cut-off of its
part, so nothing that is learned or shown can come from the time that is predicted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mclrec_tf.arguments import check_whole
from mclrec_tf.data.histories import HeldOut, Histories, Splits


class CutOffs(NamedTuple):
    """Times, in the log's units. Training ends before the first, validation before the second."""

    validation_from: int
    test_from: int


@dataclass(frozen=True)
class Periods:
    """How much of a log's end is held out.

    Args:
        validation: Length of the time before the test, in the log's units, for example 86400 for
            a day of a log in seconds.
        test: Length of the time that ends with the newest event.

    Raises:
        ValueError: A period is shorter than 1.
    """

    validation: int
    test: int

    def __post_init__(self) -> None:
        check_whole(1, validation=self.validation, test=self.test)

    def cut_offs(self, newest: int) -> CutOffs:
        """The cut-offs of a log whose newest event is of this time."""
        test_from = newest + 1 - self.test
        return CutOffs(test_from - self.validation, test_from)


def split_by_time(
    histories: Histories, timestamps: npt.NDArray[np.int64], periods: Periods
) -> Splits:
    """Splits a log at two points in time.

    Training has each user's events before the first cut-off. Validation predicts a user's first
    event from then on, and the test the first one from the second cut-off on, each from all events
    before that cut-off. Users without an event on one of the two sides are not in that part: there
    is nothing to tell from, or nothing to predict.

    Args:
        histories: The events of each user, in order of time.
        timestamps: int64 [N], the time of each.
        periods: How much is held out.

    Raises:
        ValueError: There is not one timestamp an event.

    Example:
        >>> import numpy as np
        >>> from mclrec_tf.data.histories import Histories
        >>> from mclrec_tf.data.time_split import Periods, split_by_time
        >>> histories = Histories.from_lists([[5, 6, 7, 8], [6, 5, 9]])
        >>> times = np.array([1, 2, 11, 12, 1, 11, 21])
        >>> train, validation, test = split_by_time(histories, times, Periods(10, 10))
        >>> [user.tolist() for user in train], validation.targets.tolist()
        ([[5], [6]], [6, 5])
        >>> [user.tolist() for user in test.histories], test.targets.tolist()
        ([[5, 6, 7], [6, 5]], [8, 9])
    """
    if len(timestamps) != len(histories.items):
        raise ValueError(f"{len(histories.items)} events, but {len(timestamps)} timestamps.")
    cut_offs = periods.cut_offs(int(timestamps.max()) if len(timestamps) else 0)
    before_validation = _events_before(cut_offs.validation_from, histories, timestamps)
    before_test = _events_before(cut_offs.test_from, histories, timestamps)
    return Splits(
        train=_first(histories, before_validation, before_validation > 0),
        validation=_held_out(histories, before_validation, until=before_test),
        test=_held_out(histories, before_test, until=histories.lengths),
    )


def _events_before(
    time: int, histories: Histories, timestamps: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """How many of each user's events are older, int64 [U]."""
    older = np.concatenate([[0], np.cumsum(timestamps < time)])
    return older[histories.row_splits[1:]] - older[histories.row_splits[:-1]]


def _first(
    histories: Histories, lengths: npt.NDArray[np.int64], users: npt.NDArray[np.bool_]
) -> Histories:
    """The first `lengths` events of those users."""
    position = np.arange(len(histories.items)) - np.repeat(
        histories.row_splits[:-1], histories.lengths
    )
    kept = position < np.repeat(np.where(users, lengths, 0), histories.lengths)
    return Histories.from_lengths(histories.items[kept], lengths[users])


def _held_out(
    histories: Histories, lengths: npt.NDArray[np.int64], until: npt.NDArray[np.int64]
) -> HeldOut:
    """The event after the first `lengths`, of users who have any before and it before `until`."""
    users = (lengths > 0) & (lengths < until)
    targets = histories.items[(histories.row_splits[:-1] + lengths)[users]]
    return HeldOut(_first(histories, lengths, users), targets)
