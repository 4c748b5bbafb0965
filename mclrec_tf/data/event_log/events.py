"""What a log holds: events, rows that hold none, and the reasons."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow

_SHOWN_CHARACTERS = 80
_BREAKS_A_LINE = re.compile(r"[\n\r\0]")
_BYTES_THAT_ARE_NOT_UTF8 = re.compile(r"[\ud800-\udfff]")


class Event(NamedTuple):
    """A user did something with an item. See `EventBatch` for the time."""

    user_id: str
    item_id: str
    timestamp: int


class RowProblem(NamedTuple):
    """A row that cannot be used, and why. `row` is its line in the file; a header is line 1.

    `reason` is one of a few fixed phrases, so that problems can be counted by reason. `value` is
    what the row holds there, shortened. `column` is empty if the row as a whole is unreadable.
    """

    file: str
    row: int
    column: str
    reason: str
    value: str

    def __str__(self) -> str:
        column = f", column {self.column}" if self.column else ""
        return f"{self.file}, row {self.row}{column}: {self.reason} ({self.value!r})"


class EventLogError(ValueError):
    """The log as a whole cannot be used. The message says where, why and what to do."""


class EventBatch(NamedTuple):
    """Events of one file, in the order in which they stand there.

    Attributes:
        users: pyarrow string array `[N]`, raw ids.
        items: The same of the items.
        times: int64 `[N]`: seconds since 1970 of times that are written as such (dates, typed
            timestamps), otherwise the log's own numbers, rounded down; None if the log has no time
            and its order counts.
        fractions: int32 `[N]`, billionths of a unit that `times` leaves out; None if all are 0.
        rows: int64 `[N]`, where each stands in the file.
        problems: The rows among them that hold no event.
        filtered: How many rows the format's `where` leaves out.
    """

    users: pyarrow.Array
    items: pyarrow.Array
    times: npt.NDArray[np.int64] | None
    fractions: npt.NDArray[np.int32] | None
    rows: npt.NDArray[np.int64]
    problems: list[RowProblem]
    filtered: int


class EmptyFileError(EventLogError):
    """A file holds nothing. Beside others it is left out, as Spark writes a file for each part."""


class RawBatch(NamedTuple):
    """Rows as a file holds them.

    Attributes:
        columns: pyarrow arrays of one length by name, of the types that the file has; text is
            binary, because it may not be UTF-8.
        rows: int64 `[N]`, where each row stands in the file.
        problems: Rows that could not be told into columns.
    """

    columns: dict[str, pyarrow.Array]
    rows: npt.NDArray[np.int64]
    problems: list[RowProblem]


def damaged(path: str, row: int, error: Exception) -> EventLogError:
    """The error of a file that can be read up to a row only."""
    return EventLogError(
        f"{path}: row {row} and all that follow cannot be read: {error}. If the file is damaged or "
        "incomplete, copy or compress it again."
    )


def row_problem(file: str, row: int, column: str, reason: str, text: str) -> RowProblem:
    """A problem whose value is short and can be printed whatever bytes the row holds."""
    value = text[:_SHOWN_CHARACTERS].encode("utf-8", "backslashreplace").decode("utf-8")
    # surrogateescape wrote the byte 0xE9 as U+DCE9; show the byte that is in the file.
    return RowProblem(file, int(row), column, reason, value.replace("\\udc", "\\x"))


def id_problem(text: str) -> str | None:
    """What is wrong with a raw id, if anything is."""
    if not text:
        return "is empty"
    if _BREAKS_A_LINE.search(text):
        return "holds a line break or NUL"
    if _BYTES_THAT_ARE_NOT_UTF8.search(text):
        return "is not UTF-8"
    return None
