"""What a user did after an answer: joins histories that were served with the events of a log.

A request names no user, so it is joined by its history: the user is the one whose events, at some
point, ended with just this history, and the next event is the outcome. Where the log has times, the
request must lie between the last event of the history and the outcome. Users whose events are the
whole history come first; only where there are none, those whose latest events it is, because
clients send the end of long histories alone. A history that fits several points is ambiguous, and
left out rather than weighed: users who share a short history are not alike in what they do next.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mclrec_tf.data.histories import Histories, positions
from pipeline.jobs.watch.events import Events

EMPTY, UNMATCHED, AMBIGUOUS, PENDING = -1, -2, -3, -4
"""Why a row has no outcome: its history is empty, is no user's, is several users', or is one's who
has done nothing since."""
_MOST_POINTS = 1000
_PAIRS_AT_ONCE = 1_000_000


class _Windows(NamedTuple):
    """The points in the log where a history of some length ends, by hash."""

    hashes: npt.NDArray[np.uint64]
    ends: npt.NDArray[np.int64]


def join(
    histories: Histories,
    times: npt.NDArray[np.int64],
    events: Events,
    item_of: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Finds the event that followed each history.

    Args:
        histories: What was served, as numbers of items from 0.
        times: int64 `[N]`, seconds since 1970 of the requests; 0 where they are not known.
        events: The log.
        item_of: int64, by number of an item in `histories` its number in `events`; -1 if it is in
            no event.

    Returns:
        int64 `[N]`, the place of the event in `events.histories.items`, or one of `EMPTY`,
        `UNMATCHED`, `AMBIGUOUS` and `PENDING`.
    """
    outcome = np.full(len(histories), UNMATCHED, np.int64)
    lengths = histories.lengths
    outcome[lengths == 0] = EMPTY
    served = item_of[histories.items]
    is_known = np.ones(len(histories), bool)
    is_known[np.repeat(np.arange(len(histories)), lengths)[served < 0]] = False
    hashing = _Hashing(events.histories)
    for length in np.unique(lengths[is_known & (lengths > 0)]).tolist():
        rows = np.flatnonzero(is_known & (lengths == length))
        begins = histories.row_splits[rows]
        items = served[begins[:, None] + np.arange(length)]
        outcome[rows] = _of_length(items, times[rows], events, hashing)
    return outcome


class _Hashing:
    """Hashes of all runs of a length in a log, from sums over its beginning.

    The hash of items x is the sum of r(x_i) B^i modulo 2^64, with random numbers r and an odd B, so
    that a run's is a difference of two sums times a power of the inverse of B (Karp and Rabin,
    Efficient randomized pattern-matching algorithms, 1987). What is found is compared item by item.
    """

    def __init__(self, log: Histories) -> None:
        random = np.random.default_rng(0)
        num_items = int(log.items.max(initial=-1)) + 1
        self._values = random.integers(0, 2**64, num_items, np.uint64, endpoint=False)
        base = int(random.integers(0, 2**63)) * 2 + 1
        self._powers = _powers(base, len(log.items) + 1)
        self._inverses = _powers(pow(base, -1, 2**64), len(log.items) + 1)
        terms = self._values[log.items] * self._powers[:-1]
        self._sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms, dtype=np.uint64)])
        self._positions = positions(log.lengths)

    def of_rows(self, items: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
        """The hash of each row of items `[N, L]`."""
        terms = self._values[items] * self._powers[: items.shape[1]]
        return terms.sum(axis=1, dtype=np.uint64)

    def windows(self, length: int, wanted: npt.NDArray[np.uint64], whole: bool) -> _Windows:
        """The runs whose hash is among those wanted, sorted by hash.

        Args:
            length: How many items a run has.
            wanted: Hashes.
            whole: Whether a run has to begin with the user's first event.
        """
        is_end = self._positions == length - 1 if whole else self._positions >= length - 1
        ends = np.flatnonzero(is_end)
        begins = ends + 1 - length
        hashes = (self._sums[ends + 1] - self._sums[begins]) * self._inverses[begins]
        is_wanted = np.isin(hashes, wanted)
        hashes, ends = hashes[is_wanted], ends[is_wanted]
        order = np.argsort(hashes, kind="stable")
        return _Windows(hashes[order], ends[order])


def _of_length(
    items: npt.NDArray[np.int64], times: npt.NDArray[np.int64], events: Events, hashing: _Hashing
) -> npt.NDArray[np.int64]:
    outcome = np.full(len(items), UNMATCHED, np.int64)
    hashes = hashing.of_rows(items)
    for whole in (True, False):
        left = np.flatnonzero(outcome == UNMATCHED)
        if not len(left):
            break
        windows = hashing.windows(items.shape[1], np.unique(hashes[left]), whole)
        first = np.searchsorted(windows.hashes, hashes[left], side="left")
        counts = np.searchsorted(windows.hashes, hashes[left], side="right") - first
        is_many = counts > _MOST_POINTS
        outcome[left[is_many]] = AMBIGUOUS
        left, first, counts = left[~is_many], first[~is_many], counts[~is_many]
        # A part at a time: a short history may end at hundreds of points.
        parts = np.unique(np.cumsum(counts) // _PAIRS_AT_ONCE, return_index=True)[1][1:]
        for rows, begin, count in zip(
            *(np.split(x, parts) for x in (left, first, counts)), strict=True
        ):
            rows = np.repeat(rows, count)
            ends = windows.ends[np.repeat(begin, count) + positions(count)]
            for fits in (_is_around, _is_same):
                is_kept = fits(items, times, rows, ends, events)
                rows, ends = rows[is_kept], ends[is_kept]
            found, index, points = np.unique(rows, return_index=True, return_counts=True)
            outcome[found] = np.where(points > 1, AMBIGUOUS, _next(ends[index], events))
    return outcome


def _is_same(
    items: npt.NDArray[np.int64],
    times: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    events: Events,
) -> npt.NDArray[np.bool_]:
    """Whether the events up to each end are the items of each row: hashes alone may mistake."""
    del times
    places = ends[:, None] + np.arange(1 - items.shape[1], 1)
    return (events.histories.items[places] == items[rows]).all(axis=1)


def _is_around(
    items: npt.NDArray[np.int64],
    times: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    events: Events,
) -> npt.NDArray[np.bool_]:
    """Whether requests lie between the last event of a history and the next one."""
    del items
    if events.seconds is None:
        return np.ones(len(ends), bool)
    asked = times[rows]
    after = _next(ends, events)
    is_before_next = (after == PENDING) | (events.seconds[np.maximum(after, 0)] >= asked)
    return (asked == 0) | ((events.seconds[ends] <= asked) & is_before_next)


def _next(ends: npt.NDArray[np.int64], events: Events) -> npt.NDArray[np.int64]:
    """The event after each, or `PENDING` where it is its user's last."""
    splits = events.histories.row_splits
    is_last = splits[np.searchsorted(splits, ends + 1)] == ends + 1
    return np.where(is_last, PENDING, ends + 1)


def _powers(base: int, count: int) -> npt.NDArray[np.uint64]:
    factors = np.full(count, base, np.uint64)
    factors[0] = 1
    return np.cumprod(factors, dtype=np.uint64)
