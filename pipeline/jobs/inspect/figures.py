"""Statistics of a log: lengths, repeats, what the k-core leaves, and the users of each split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mclrec_tf.data.event_table import EventTable
from mclrec_tf.data.histories import MIN_EVENTS, Histories
from mclrec_tf.data.k_core import in_k_core
from mclrec_tf.data.time_split import Periods, split_by_time
from pipeline.components.example_gen.event_log.log_report import LogTotals
from pipeline.jobs.inspect.sample import Sample


@dataclass(frozen=True, eq=False)
class Part:
    """Events of some users, ordered as a run would order them.

    Attributes:
        histories: The history of each user.
        times: int64 `[N]`, the time of each event in the log's unit. In a log without times, its
            position in the history, from 1.
        totals: The size of the part.
    """

    histories: Histories
    times: npt.NDArray[np.int64]
    totals: LogTotals


@dataclass(frozen=True, eq=False)
class Figures:
    """Statistics of a log, or of the part of it that was read.

    Attributes:
        before: The events without duplicates.
        after: What the k-core leaves of them, without users with too few events.
        duplicates: The number of events with the same user, item and time as another one.
        short_users: The number of users that the k-core leaves with too few events.
    """

    before: Part
    after: Part
    duplicates: int
    short_users: int

    @property
    def returning(self) -> float:
        """The share of events whose item is in the user's history already."""
        events = self.before.totals.events
        return 1 - len(np.unique(_pairs(self.before))) / max(events, 1)

    @property
    def same_time(self) -> float:
        """The share of events with the same time as the user's event before."""
        before = self.before
        same = np.diff(before.times) == 0
        same &= np.diff(_users(before.histories)) == 0
        return float(same.sum()) / max(before.totals.events, 1)


def figures(sample: Sample, k_core: int) -> Figures:
    """Computes the statistics of what was read of a log.

    Args:
        sample: What was read.
        k_core: The smallest number of events of a user and of an item.
    """
    events = sample.events
    kept = events.distinct()
    core = kept[in_k_core(events.users[kept], events.items[kept], k_core)]
    lengths = np.bincount(events.users[core], minlength=1)
    return Figures(
        before=_part(events, kept),
        after=_part(events, core[lengths[events.users[core]] >= MIN_EVENTS]),
        duplicates=len(events.users) - len(kept),
        short_users=int(((lengths > 0) & (lengths < MIN_EVENTS)).sum()),
    )


def leave_one_out_learners(part: Part) -> int:
    """The number of users with two training events after their last two events are held out."""
    return int((part.histories.lengths >= MIN_EVENTS + 1).sum())


def time_split_users(part: Part, periods: Periods) -> tuple[dict[str, int], int]:
    """The users in each part of a split by time, and the number with two training events."""
    splits = split_by_time(part.histories, part.times, periods)
    users = {
        "train": len(splits.train),
        "validation": len(splits.validation.targets),
        "test": len(splits.test.targets),
    }
    return users, int((splits.train.lengths > 1).sum())


def _part(events: EventTable, rows: npt.NDArray[np.int64]) -> Part:
    _, by_user, times = events.histories(rows)
    # Items are numbered from 0 here, but 0 is padding in histories.
    histories = Histories(by_user.items + np.int32(1), by_user.row_splits)
    item_counts = np.unique(histories.items, return_counts=True)[1]
    return Part(
        histories,
        times,
        LogTotals(
            users=len(histories),
            items=len(item_counts),
            events=len(rows),
            shortest_history=int(histories.lengths.min(initial=len(rows))),
            rarest_item=int(item_counts.min(initial=len(rows))),
            newest_event=int(times.max(initial=0)) if len(times) else 0,
        ),
    )


def _users(histories: Histories) -> npt.NDArray[np.int64]:
    return np.repeat(np.arange(len(histories)), histories.lengths)


def _pairs(part: Part) -> npt.NDArray[np.int64]:
    """One number for each pair of user and item."""
    return _users(part.histories) << 32 | part.histories.items
