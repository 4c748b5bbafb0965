"""Event logs that are text: tables with a header, and sequences of one user a line."""

from __future__ import annotations

import csv
import re
import zlib
from collections import deque
from collections.abc import Iterator
from typing import Any, TextIO

from mclrec_tf.data.events import (
    Event,
    EventLogError,
    EventLogFormat,
    RowProblem,
    checked_event,
    find_columns,
    row_problem,
)
from mclrec_tf.data.open_log import open_text

# `strict` turns a misplaced quote into a problem of its row instead of a guess at its meaning.
# Tab separated files have no quotes (IANA text/tab-separated-values), so that an inch mark at
# the start of a field cannot swallow the rows after it.
_DIALECTS: dict[str, dict[str, Any]] = {
    "csv": {"delimiter": ",", "strict": True},
    "tsv": {"delimiter": "\t", "quoting": csv.QUOTE_NONE},
    "inter": {"delimiter": "\t", "quoting": csv.QUOTE_NONE},
}
_CANNOT_READ = (OSError, EOFError, zlib.error)


def read_delimited(path: str, format: EventLogFormat, kind: str) -> Iterator[Event | RowProblem]:
    """Yields the events of a table with a header. `kind` is csv, tsv or inter."""
    with open_text(path) as stream:
        records = _records(path, stream, _DIALECTS[kind])
        header = _header(path, records, kind)
        user, item, *timestamp = find_columns(path, header, format)
        time = timestamp[0] if timestamp else None
        row = 0
        for row, fields, text in records:
            if len(fields) != len(header):
                yield _misshapen(path, row, format, header, fields, text)
                continue
            user_id, item_id = fields[user], fields[item]
            when = str(row) if time is None else fields[time]
            yield checked_event(path, row, format, user_id, item_id, when)
    if row == 0:
        raise EventLogError(f"{path}: there is no event after the header in row 1.")


def read_sequences(path: str, format: EventLogFormat) -> Iterator[Event | RowProblem]:
    """Yields the events of lines `user item item …`; the time is the place in the line, from 1."""
    row = 0
    with open_text(path) as stream:
        try:
            for row, line in enumerate(stream, start=1):
                fields = [field for field in re.split("[ \t\r\n]", line) if field]
                user_id = fields[0] if fields else ""
                if len(fields) == 1:
                    yield row_problem(path, row, format.item_column, "is empty", user_id)
                for time, item_id in enumerate(fields[1:], start=1):
                    yield checked_event(path, row, format, user_id, item_id, str(time))
        except _CANNOT_READ as error:
            raise _damaged(path, row + 1, error) from error
    if row == 0:
        raise EventLogError(f"{path}: the file is empty. A line is: user item item …")


def _records(
    path: str, stream: TextIO, dialect: dict[str, Any]
) -> Iterator[tuple[int, list[str], str]]:
    """Yields (row, fields, text) of each record: the line where it starts, and what stands there.

    A record that breaks the quoting rules, or holds NUL, has no fields. Only the line where it
    starts is given up: those after it are read again as records of their own, so that a quote
    that is never closed costs one row and not the rest of the file.
    """
    lines_before = 0  # lines read by earlier readers
    taken: list[str] = []  # lines of the record that is being read
    again: deque[str] = deque()
    while True:
        reader = csv.reader(_lines(stream, again, taken), **dialect)
        try:
            for fields in reader:
                if fields:  # not a blank line
                    yield lines_before + reader.line_num - len(taken) + 1, fields, taken[0]
                taken.clear()
            return
        except csv.Error:
            lines_before += reader.line_num - len(taken) + 1
            yield lines_before, [], taken[0]
            again.extendleft(reversed(taken[1:]))
            taken.clear()
        except _CANNOT_READ as error:
            raise _damaged(path, lines_before + reader.line_num + 1, error) from error


def _lines(stream: TextIO, again: deque[str], taken: list[str]) -> Iterator[str]:
    while again:
        taken.append(again.popleft())
        yield taken[-1]
    for line in stream:
        taken.append(line)
        yield line


def _header(path: str, records: Iterator[tuple[int, list[str], str]], kind: str) -> list[str]:
    _, header, text = next(records, (0, [], ""))
    if not text:
        raise EventLogError(f"{path}: the file is empty. Row 1 must name the columns.")
    if re.search("[\0\ud800-\udfff]", text):
        raise EventLogError(
            f"{path}: row 1 is not a header in UTF-8 text. Save the file as UTF-8; if it is "
            "compressed, its name must end in .gz."
        )
    if not header:
        raise EventLogError(f"{path}: row 1 has a quote out of place or never closed. Correct it.")
    if kind == "inter":
        return [name.rsplit(":", 1)[0] for name in header]
    return header


def _misshapen(
    path: str, row: int, format: EventLogFormat, header: list[str], fields: list[str], text: str
) -> RowProblem:
    """A row with more or fewer fields than the header: which field is which is not certain."""
    text = text.rstrip("\r\n")
    if not fields:
        reason = "holds NUL" if "\0" in text else "has a quote out of place or never closed"
        return row_problem(path, row, "", reason, text)
    if len(fields) > len(header):
        return row_problem(path, row, "", "has more fields than the header", text)
    missing = [name for name in format.columns if header.index(name) >= len(fields)]
    return row_problem(path, row, (*missing, "")[0], "has fewer fields than the header", text)


def _damaged(path: str, row: int, error: Exception) -> EventLogError:
    return EventLogError(
        f"{path}: row {row} and all that follow cannot be read: {error}. If the file is "
        "damaged or incomplete, copy or compress it again."
    )
