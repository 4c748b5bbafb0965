"""What a user did after an answer: joins histories that were served with the events of a log.

A request names no user, so it is joined by its history: the user is the one whose events, at some
point, ended with just this history, and the next event is the outcome. Where the log has times, the
request must lie between the last event of the history and the outcome. Users whose events are the
whole history come first; only where there are none, those whose latest events it is, because
clients send the end of long histories alone. A history that fits several points is ambiguous, and
left out rather than weighed: users who share a short history are not alike in what they do next.
"""

import numpy as np
import numpy.typing as npt

from mclrec_tf.data.histories import Histories, positions
from pipeline.jobs.watch.events import Events

EMPTY, UNMATCHED, AMBIGUOUS, PENDING = -1, -2, -3, -4
"""Why a row has no outcome: its history is empty, is no user's, is several users', or is one's who
has done nothing since."""

_Ints = npt.NDArray[np.int64]


def join(histories: Histories, times: _Ints, events: Events, item_of: _Ints) -> _Ints:
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
    points = _Points(events)
    for length in np.unique(lengths[is_known & (lengths > 0)]).tolist():
        rows = np.flatnonzero(is_known & (lengths == length))
        items = served[histories.row_splits[rows][:, None] + np.arange(length)]
        for whole in (True, False):
            is_left = outcome[rows] == UNMATCHED
            left = rows[is_left]
            outcome[left] = points.find(items[is_left], times[left], whole)
    return outcome


class _Points:
    """The points of a log: after each event, what its user's history ends with.

    Runs of items are compared by hashes. That of items x is the sum of r(x_i) B^i modulo 2^64, with
    random numbers r and an odd B, so that a run's is a difference of two sums over the beginning of
    the log, times a power of the inverse of B (Karp and Rabin, Efficient randomized
    pattern-matching algorithms, 1987). What is found is compared item by item as well.
    """

    def __init__(self, events: Events) -> None:
        log = events.histories
        random = np.random.default_rng(0)
        num_items = int(log.items.max(initial=-1)) + 1
        self._items = log.items
        self._values = random.integers(0, 2**64, num_items, np.uint64)
        base = int(random.integers(0, 2**63)) * 2 + 1
        self._powers = _powers(base, len(log.items) + 1)
        self._inverses = _powers(pow(base, -1, 2**64), len(log.items) + 1)
        terms = self._values[log.items] * self._powers[:-1]
        self._sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms, dtype=np.uint64)])
        self._positions = positions(log.lengths)
        self._is_last = np.append(self._positions[1:] == 0, True)[: len(log.items)]
        # Times by their ranks from 1; a point begins with its event and ends with the next one.
        self._has_times = events.seconds is not None
        seconds = np.zeros(len(log.items), np.int64) if events.seconds is None else events.seconds
        self._times, ranks = np.unique(seconds, return_inverse=True)
        self._begins = ranks + 1
        self._ends = np.append(self._begins[1:], 0)[: len(ranks)]
        self._ends[self._is_last] = len(self._times) + 1

    def find(self, items: _Ints, times: _Ints, whole: bool) -> _Ints:
        """The events after histories of one length.

        How many points fit is the number of those that have begun by the time of a request less
        the number of those that have ended before it. If it is one, the difference of the sums of
        their places is its place. So a history costs the same however many points have its items.

        Args:
            items: int64 `[N, L]`.
            times: int64 `[N]`, of the requests; 0 where they are not known.
            whole: Whether the history has to begin with its user's first event.

        Returns:
            As of `join`.
        """
        length = items.shape[1]
        hashes = (self._values[items] * self._powers[:length]).sum(axis=1, dtype=np.uint64)
        wanted, group = np.unique(hashes, return_inverse=True)
        of_points, places = self._runs(length, wanted, whole)
        scale = len(self._times) + 2
        group_of_point = np.searchsorted(wanted, of_points) * scale
        if self._has_times:
            by_then = np.searchsorted(self._times, times, side="right")
            before = np.searchsorted(self._times, times, side="left")
        else:
            by_then, before = np.zeros_like(times), np.zeros_like(times)
        is_any_time = (times == 0) | (not self._has_times)
        by_then = np.where(is_any_time, scale - 1, by_then)
        before = np.where(is_any_time, 0, before)
        begun, begun_sum = _up_to(
            group_of_point + self._begins[places], places, group, by_then, scale
        )
        ended, ended_sum = _up_to(group_of_point + self._ends[places], places, group, before, scale)
        found = np.where(begun > ended + 1, AMBIGUOUS, UNMATCHED)
        rows = np.flatnonzero(begun == ended + 1)
        place = (begun_sum - ended_sum)[rows]
        is_same = (self._items[place[:, None] + np.arange(1 - length, 1)] == items[rows]).all(
            axis=1
        )
        rows, place = rows[is_same], place[is_same]
        found[rows] = np.where(self._is_last[place], PENDING, place + 1)
        return found

    def _runs(
        self, length: int, wanted: npt.NDArray[np.uint64], whole: bool
    ) -> tuple[npt.NDArray[np.uint64], _Ints]:
        """The hashes that are wanted among those of all runs of a length, and where each ends."""
        is_end = self._positions == length - 1 if whole else self._positions >= length - 1
        ends = np.flatnonzero(is_end)
        begins = ends + 1 - length
        hashes = (self._sums[ends + 1] - self._sums[begins]) * self._inverses[begins]
        is_wanted = np.isin(hashes, wanted)
        return hashes[is_wanted], ends[is_wanted]


def _up_to(
    keys: _Ints, places: _Ints, group: _Ints, rank: _Ints, scale: int
) -> tuple[_Ints, _Ints]:
    """How many points of a group have a rank up to some, and the sum of their places.

    Args:
        keys: int64 `[P]`, of each point its group times `scale` plus its rank.
        places: int64 `[P]`, the place of each point in the log.
        group: int64 `[N]`.
        rank: int64 `[N]`, below `scale`.
        scale: More than any rank.
    """
    order = np.argsort(keys)
    keys = keys[order]
    sums = np.concatenate([[0], np.cumsum(places[order])])
    first = np.searchsorted(keys, group * scale, side="left")
    last = np.searchsorted(keys, group * scale + rank, side="right")
    return last - first, sums[last] - sums[first]


def _powers(base: int, count: int) -> npt.NDArray[np.uint64]:
    factors = np.full(count, base, np.uint64)
    factors[0] = 1
    return np.cumprod(factors, dtype=np.uint64)
