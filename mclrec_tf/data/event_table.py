"""The events of a log as columns in memory: who is who, what is the same, and what comes first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from mclrec_tf.data.event_log.events import EventBatch
from mclrec_tf.data.histories import Histories, positions

if TYPE_CHECKING:
    import pyarrow

_Integer = TypeVar("_Integer", bound=np.integer)


class EventTable(NamedTuple):
    """Events in the order of the log, each column `[N]`.

    Attributes:
        users: int32, numbers of users from 0, as they first appear.
        items: int32, the same of items.
        times: int64, see `EventBatch`; None in a log without times.
        fractions: int32, what `times` leaves out.
        user_ids: Raw id of each user.
        item_ids: Raw id of each item.
    """

    users: npt.NDArray[np.int32]
    items: npt.NDArray[np.int32]
    times: npt.NDArray[np.int64] | None
    fractions: npt.NDArray[np.int32]
    user_ids: list[str]
    item_ids: list[str]

    @classmethod
    def of(cls, batches: Iterable[EventBatch]) -> EventTable:
        """Puts batches together, one after the other."""
        users: list[pyarrow.DictionaryArray] = []
        items: list[pyarrow.DictionaryArray] = []
        times: list[npt.NDArray[np.int64]] = []
        fractions: list[npt.NDArray[np.int32]] = []
        for batch in batches:
            users.append(batch.users.dictionary_encode())
            items.append(batch.items.dictionary_encode())
            if batch.times is not None:
                times.append(batch.times)
            none = np.zeros(len(batch.users), np.int32)
            fractions.append(none if batch.fractions is None else batch.fractions)
        user_numbers, user_ids = _numbered(users)
        item_numbers, item_ids = _numbered(items)
        return cls(
            users=user_numbers,
            items=item_numbers,
            times=_joined(times, np.int64) if times and len(times) == len(users) else None,
            fractions=_joined(fractions, np.int32),
            user_ids=user_ids,
            item_ids=item_ids,
        )

    def distinct(self) -> npt.NDArray[np.int64]:
        """The rows without those that are equal to an earlier one in user, item and time.

        Without times every event counts.
        """
        rows = np.arange(len(self.users))
        if self.times is None:
            return rows
        return rows[~_is_duplicate(self.users, self.items, self.fractions, self.times)]

    def histories(
        self, rows: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int32], Histories, npt.NDArray[np.int64]]:
        """Some rows by user and time; those of one time stay in the order of the log.

        Returns:
            The numbers of the users, rising; their histories, of items from 0 as in `items`; and
            the time of each event, in a log without times its position in the history from 1.
        """
        if self.times is None:
            order = np.argsort(self.users[rows], kind="stable")
        else:
            order = np.lexsort((self.fractions[rows], self.times[rows], self.users[rows]))
        rows = rows[order]
        users, lengths = np.unique(self.users[rows], return_counts=True)
        histories = Histories.from_lengths(self.items[rows], lengths)
        times = positions(lengths) + 1 if self.times is None else self.times[rows]
        return users, histories, times


def _numbered(
    parts: list[pyarrow.DictionaryArray],
) -> tuple[npt.NDArray[np.int32], list[str]]:
    """Numbers ids as they first appear; returns the numbers and the ids."""
    import pyarrow

    if not parts:
        return np.zeros(0, np.int32), []
    unified = pyarrow.chunked_array(parts).unify_dictionaries()
    numbers = [chunk.indices.to_numpy(zero_copy_only=False) for chunk in unified.chunks]
    return _joined(numbers, np.int32), unified.chunk(0).dictionary.to_pylist()


def _joined(parts: list[npt.NDArray[_Integer]], kind: type[_Integer]) -> npt.NDArray[_Integer]:
    return np.concatenate([np.zeros(0, kind), *parts])


def _is_duplicate(*columns: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
    """Marks rows that are equal in all columns to an earlier row."""
    order = np.lexsort(columns)  # stable: equal rows stay in their order
    same = np.ones(max(len(order) - 1, 0), bool)
    for column in columns:
        same &= np.diff(column[order]) == 0
    duplicate = np.zeros(len(order), bool)
    duplicate[order[1:][same]] = True
    return duplicate
