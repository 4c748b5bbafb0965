"""One event of a log, one row that holds none, and the rules that tell them apart."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_BREAKS_A_LINE = re.compile(r"[\n\r\0]")
_BYTES_THAT_ARE_NOT_UTF8 = re.compile(r"[\ud800-\udfff]")
_INT64_END = 2**63
_SHOWN_CHARACTERS = 80


class Event(NamedTuple):
    """A user did something with an item. The time is in the log's own units."""

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


@dataclass(frozen=True)
class EventLogFormat:
    """How the columns of a log are called.

    Args:
        user_column: column that holds the user's id.
        item_column: column that holds the item's id.
        timestamp_column: column that holds the time as a number. `""` means that the log has no
            time and that its rows stand in the order in which things happened.
    """

    user_column: str = "user_id"
    item_column: str = "item_id"
    timestamp_column: str = "timestamp"

    def __post_init__(self) -> None:
        if not self.user_column or not self.item_column:
            raise ValueError(
                "user_column and item_column must name a column each, "
                f"got {self.user_column!r} and {self.item_column!r}."
            )
        if len({*self.columns}) < len(self.columns):
            raise ValueError(f"Each column can have one role only, got {self.columns}.")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read: user, item and, if there is one, time."""
        timestamp = (self.timestamp_column,) if self.timestamp_column else ()
        return (self.user_column, self.item_column, *timestamp)


def find_columns(path: str, present: list[str], format: EventLogFormat) -> list[int]:
    """Returns where the columns of `format` stand among those present in the file at `path`."""
    arguments = ("user_column", "item_column", "timestamp_column")
    for argument, column in zip(arguments, format.columns, strict=False):
        if column not in present:
            option = "--" + argument.replace("_", "-")
            no_time = ' (or "" if the log has no time)' if argument == "timestamp_column" else ""
            raise EventLogError(
                f"{path}: row 1 names no column {column!r}. Its columns are: "
                f"{', '.join(map(repr, present))}. Name the right one{no_time} with "
                f"{argument}=, on the command line {option}."
            )
        if present.count(column) > 1:
            raise EventLogError(
                f"{path}: row 1 names the column {column!r} {present.count(column)} times. "
                "Rename the columns in the file so that it stands there once."
            )
    return [present.index(column) for column in format.columns]


def checked_event(
    file: str, row: int, format: EventLogFormat, user_id: str, item_id: str, time: str
) -> Event | RowProblem:
    """Makes an event of a row's text, or says what is wrong with it. Nothing is guessed."""
    # The common case, told by the fewest calls: printable text holds no line break, no NUL and
    # no byte that is not UTF-8, and a number of 18 digits is an int64.
    if (
        user_id
        and item_id
        and user_id.isprintable()
        and item_id.isprintable()
        and time.isdecimal()
        and len(time) <= 18
    ):
        return Event(user_id, item_id, int(time))
    for column, text in ((format.user_column, user_id), (format.item_column, item_id)):
        if reason := _id_problem(text):
            return row_problem(file, row, column, reason, text)
    number = _number(time)
    if number is None:
        reason = "is not a number" if time.strip() else "is empty"
        return row_problem(file, row, format.timestamp_column, reason, time)
    if not -_INT64_END <= number < _INT64_END:
        return row_problem(file, row, format.timestamp_column, "is too large a time", time)
    return Event(user_id, item_id, math.floor(number))


def row_problem(file: str, row: int, column: str, reason: str, text: str) -> RowProblem:
    """A problem whose value is short and can be printed whatever bytes the row holds."""
    value = text[:_SHOWN_CHARACTERS].encode("utf-8", "backslashreplace").decode("utf-8")
    # surrogateescape wrote the byte 0xE9 as U+DCE9; show the byte that is in the file.
    return RowProblem(file, row, column, reason, value.replace("\\udc", "\\x"))


def _id_problem(text: str) -> str | None:
    if not text:
        return "is empty"
    if _BREAKS_A_LINE.search(text):
        return "holds a line break or NUL"
    if _BYTES_THAT_ARE_NOT_UTF8.search(text):
        return "is not UTF-8"
    return None


def _number(time: str) -> Decimal | None:
    """The number that a text stands for: exact, so that nanoseconds survive."""
    text = time.strip()
    try:
        return Decimal(text) if _NUMBER.fullmatch(text) else None
    except InvalidOperation:  # an exponent of more than 18 digits
        return None
