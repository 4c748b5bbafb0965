"""From the columns of a file to its events: the rules that tell an event from an unusable row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow
from pyarrow import compute, types

from mclrec_tf.data.event_log.events import (
    EventBatch,
    EventLogError,
    RawBatch,
    RowProblem,
    id_problem,
    row_problem,
)
from mclrec_tf.data.event_log.log_format import EventLogFormat
from mclrec_tf.data.event_log.values.column_texts import check_exact, column_texts, is_text, plain
from mclrec_tf.data.event_log.values.id_forms import IdForms
from mclrec_tf.data.event_log.values.times import ORDER, TimeReader, TimeScale

_NAME = "is the name of the column, not a value"


class EventColumns:
    """Makes events of the rows of one file.

    Args:
        path: The file, for messages.
        format: Names of its columns.

    Attributes:
        forms: How the ids are written, by column.
    """

    def __init__(self, path: str, format: EventLogFormat) -> None:
        self._path = path
        self._format = format
        self._time = TimeReader(path, format.timestamp_column)
        self._without_times = False
        self.forms = {name: IdForms() for name in (format.user_column, format.item_column)}

    @property
    def scale(self) -> TimeScale | None:
        """What the times of the file count, None before the first one is read."""
        return TimeScale(ORDER) if self._without_times else self._time.scale

    def events(self, batch: RawBatch) -> EventBatch:
        """The events of some rows. Nothing is guessed: what is not one is a problem.

        Raises:
            EventLogError: The times are of a type or of units that cannot be read.
        """
        keep, incomparable = self._format.filter.keeps(batch.columns, len(batch.rows))
        unusable = incomparable | self._headers(batch)
        problems = [
            row_problem(self._path, batch.rows[index], found.column, found.reason, found.value)
            for index, found in unusable.items()
        ]
        keep[list(unusable)] = False
        rows = batch.rows[keep]
        filtered = len(keep) - len(rows) - len(unusable)
        columns = batch.columns
        if not keep.all():
            columns = {name: array.filter(pyarrow.array(keep)) for name, array in columns.items()}

        bad: dict[int, RowProblem] = {}
        users = self._ids(self._format.user_column, columns, rows, bad)
        items = self._ids(self._format.item_column, columns, rows, bad)
        times = None
        if self._format.timestamp_column in columns:
            times = self._time.read(columns[self._format.timestamp_column], rows)
            bad = times.problems | bad
        else:
            self._without_times = True
        good = np.ones(len(rows), bool)
        good[list(bad)] = False
        if bad:
            users, items = (array.filter(pyarrow.array(good)) for array in (users, items))
        for name, ids in ((self._format.user_column, users), (self._format.item_column, items)):
            self.forms[name].count(ids, self._path, rows[good])
        problems += [*batch.problems, *bad.values()]
        fractions = times.fractions[good] if times and times.fractions.any() else None
        return EventBatch(
            users=users,
            items=items,
            times=times.whole[good] if times else None,
            fractions=fractions,
            rows=rows[good],
            problems=sorted(problems, key=lambda problem: problem.row),
            filtered=filtered,
        )

    def _ids(
        self,
        name: str,
        columns: dict[str, pyarrow.Array],
        rows: np.ndarray,
        bad: dict[int, RowProblem],
    ) -> pyarrow.Array:
        """The ids of a column as strings; what is no id is added to `bad`."""
        array = plain(columns[name])
        check_exact(self._path, name, array)
        number = types.is_floating(array.type) or types.is_decimal(array.type)
        if (is_text(array.type) or types.is_integer(array.type)) and not array.null_count:
            try:
                ids = array.cast(pyarrow.string())
            except pyarrow.ArrowInvalid:  # somewhere not UTF-8
                ids = None
            # Printable text holds no line break and no NUL.
            if ids is not None and _all_usual(ids):
                return ids
        texts = column_texts(array)
        for index, text in enumerate(texts):
            reason = id_problem(text)
            if number and not reason and not text.lstrip("-").isdecimal():
                reason = "is a fraction" if "." in text else "is not a number"
            if reason and index not in bad:
                bad[index] = row_problem(self._path, rows[index], name, reason, text)
            if reason:
                texts[index] = ""
        return pyarrow.array(texts, pyarrow.string())

    def _headers(self, batch: RawBatch) -> dict[int, RowProblem]:
        """Rows that name the columns again, as files that were put together have it.

        Raises:
            EventLogError: In another order, so that what follows would be read by the first one.
        """
        roles = self._format.roles
        columns = [batch.columns[name] for name in roles if name in batch.columns]
        found: dict[int, RowProblem] = {}
        # A row that names two of three columns names one as the user or the item.
        for index in _indices_of(columns[:2], roles):
            values = [column_texts(column.slice(index, 1))[0] for column in columns]
            if values == [*roles]:
                found[index] = RowProblem("", index, roles[0], _NAME, roles[0])
            elif len({*values} & {*roles}) > 1:
                raise EventLogError(
                    f"{self._path}: row {batch.rows[index]} names the columns again, in another "
                    f"order ({', '.join(map(repr, values))} where {', '.join(map(repr, roles))} "
                    "stand). Split the file there."
                )
        return found


def _indices_of(columns: Sequence[pyarrow.Array], texts: Sequence[str]) -> list[int]:
    """Where one of some texts stands in one of some columns."""
    found: set[int] = set()
    for column in map(plain, columns):
        if is_text(column.type):
            wanted = pyarrow.array([text.encode() for text in texts]).cast(column.type)
            there = compute.indices_nonzero(compute.is_in(column, wanted))
            found.update(there.to_pylist())
    return sorted(found)


def _all_usual(ids: pyarrow.Array) -> bool:
    usual = compute.and_(compute.utf8_is_printable(ids), compute.not_equal(ids, ""))
    return bool(compute.all(usual, min_count=0).as_py())
