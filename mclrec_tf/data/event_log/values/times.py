"""The times of a log, as whole numbers that can be compared.

A time that is written as a point in time (a date, a timestamp type, ISO 8601 text with or without a
zone) becomes seconds since 1970 in UTC, and billionths of a second beside them, whatever its unit
was. A number stays the number that it is: the log's own unit, with what is behind the decimal point
as billionths. Which of both a file has is decided by its first time.

Numbers that look like seconds, milliseconds, microseconds or nanoseconds of the years 1980 to 2100
have to look like the same in the whole log, because rows of another unit would stand in the wrong
order.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from mclrec_tf.data.event_log.events import EventLogError, RowProblem, row_problem
from mclrec_tf.data.event_log.values.column_texts import (
    check_exact,
    column_texts,
    is_text,
    plain,
    value_type,
)
from mclrec_tf.data.event_log.values.iso_times import iso_times, usual_iso_times

if TYPE_CHECKING:
    import pyarrow

BILLION = 10**9
ORDER = "order"
"""The unit of histories without times, of which later lines go on with earlier ones."""
ROWS = "rows"
"""The unit of a table without times, whose rows have an order within one file only."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_INT64_END = 2**63
_DIGITS = {8: "YYYYMMDD", 10: "YYYYMMDDHH", 12: "YYYYMMDDHHMM", 14: "YYYYMMDDHHMMSS"}
"""Times that are written as digits, by their number."""
_UNITS = ("seconds", "milliseconds", "microseconds", "nanoseconds")
_NAMES = (*_UNITS, *_DIGITS.values())
EPOCHS = tuple((315_532_800 * 1000**power, 4_102_444_800 * 1000**power) for power in range(4))
"""The years 1980 to 2100 in each of the units since 1970: from, and before."""
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


@dataclass(frozen=True)
class TimeScale:
    """What the times of a file count.

    Attributes:
        unit: Seconds, milliseconds, microseconds or nanoseconds since 1970; YYYYMMDD, perhaps with
            HH, MM and SS, for digits of a date; "" for numbers that are none of these, `ORDER` or
            `ROWS` for a log without times.
        example: One of them, as `times` holds it.
    """

    unit: str
    example: int = 0

    @property
    def is_time(self) -> bool:
        """Whether it is the scale of a log with times."""
        return self.unit not in (ORDER, ROWS)

    def __str__(self) -> str:
        if not self.is_time:
            return "no times"
        if not self.unit:
            return f"numbers such as {self.example:,} that are no times since 1970"
        if not self.since_1970:
            return f"dates such as {self.example} ({self.unit})"
        return f"{self.unit} such as {self.example} ({self.day(self.example)})"

    @property
    def since_1970(self) -> bool:
        """Whether it counts from 1970, so that times are dates and their differences lengths."""
        return self.unit in _UNITS

    @property
    def per_second(self) -> int:
        """How many of the unit are a second; 0 where that is not known."""
        return 1000 ** _UNITS.index(self.unit) if self.unit in _UNITS else 0

    def date(self, time: int) -> datetime:
        """A time of this scale as a date; only for the units since 1970."""
        return datetime.fromtimestamp(time / self.per_second, timezone.utc)

    def day(self, time: int) -> str:
        """A time as a day, or as the number that it is if no calendar has it."""
        try:
            return f"{self.date(time):%Y-%m-%d}"
        except (ValueError, ArithmeticError, OSError):
            return f"{time:,}"


class Times(NamedTuple):
    """Times of rows: see `EventBatch`; `problems` by index, and rows that are none are 0."""

    whole: npt.NDArray[np.int64]
    fractions: npt.NDArray[np.int32]
    problems: dict[int, RowProblem]


class TimeReader:
    """Reads the times of one file, batch by batch.

    Args:
        path: The file, for messages.
        column: Name of the time's column.
    """

    def __init__(self, path: str, column: str) -> None:
        self._path = path
        self._column = column
        self._written_as_dates: bool | None = None
        self.scale: TimeScale | None = None

    def read(self, array: pyarrow.Array, rows: npt.NDArray[np.int64]) -> Times:
        """The times of some rows.

        Args:
            array: What stands in the column.
            rows: Where in the file, for messages.

        Raises:
            EventLogError: The column's type holds no times, or two units are mixed.
        """
        from pyarrow import types

        array = plain(array)
        kind = array.type
        if types.is_float32(kind) or types.is_float16(kind):
            check_exact(self._path, self._column, array)
        if types.is_null(kind):
            texts = [""] * len(array)
            return self._problems({index: "is empty" for index in range(len(array))}, texts, rows)
        if types.is_timestamp(kind) or types.is_date(kind):
            return self._typed_dates(array, rows)
        number = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
        if not (number or is_text(kind)):
            raise EventLogError(
                f"{self._path}: the times in column {self._column!r} are of type {kind}. "
                "Write them as numbers, dates or timestamps."
            )
        if types.is_signed_integer(kind) and not array.null_count:
            whole = array.to_numpy(zero_copy_only=False).astype(np.int64)
            times = Times(whole, np.zeros(len(whole), np.int32), {})
            return self._same_unit(times, rows)
        if not self._written_as_dates and (plain_numbers := _plain_numbers(array)) is not None:
            self._written_as_dates = False
            return self._same_unit(plain_numbers, rows)
        maybe_dates = is_text(kind) and self._written_as_dates is not False
        if maybe_dates and (dates := usual_iso_times(array)) is not None:
            self._written_as_dates = True
            self._note("seconds", dates.seconds)
            return Times(dates.seconds, dates.billionths, {})
        texts = _exact_texts(array)
        if self._written_as_dates is None:
            self._written_as_dates = _dates_come_first(texts) if is_text(kind) else False
        if not self._written_as_dates:
            return self._numbers(texts, rows)
        dates = iso_times(texts)
        reasons = {
            int(index): "is not an ISO 8601 date" if texts[index].strip() else "is empty"
            for index in np.flatnonzero(~dates.valid)
        }
        self._note("seconds", dates.seconds[dates.valid])
        return self._problems(reasons, texts, rows, dates.seconds, dates.billionths)

    def _typed_dates(self, array: pyarrow.Array, rows: npt.NDArray[np.int64]) -> Times:
        import pyarrow
        from pyarrow import types

        if types.is_date32(array.type):
            array = array.cast(pyarrow.timestamp("s"))
        elif types.is_date64(array.type):
            array = array.cast(pyarrow.timestamp("ms"))
        valid = array.is_valid().to_numpy(zero_copy_only=False)
        counts = array.cast(pyarrow.int64()).fill_null(0).to_numpy(zero_copy_only=False)
        per_second = _PER_SECOND[array.type.unit]
        whole, rest = np.divmod(counts, per_second)
        fractions = (rest * (BILLION // per_second)).astype(np.int32)
        self._note("seconds", whole[valid])
        reasons = {int(index): "is empty" for index in np.flatnonzero(~valid)}
        return self._problems(reasons, [""] * len(array), rows, whole, fractions)

    def _numbers(self, texts: list[str], rows: npt.NDArray[np.int64]) -> Times:
        reason = "is not a number"
        if self._written_as_dates is None:  # no time was found yet
            reason += ", nor a date as ISO 8601 writes it (2026-01-31T10:15:00)"
        whole = np.zeros(len(texts), np.int64)
        fractions = np.zeros(len(texts), np.int32)
        reasons: dict[int, str] = {}
        for index, text in enumerate(texts):
            # The common case, told by the fewest calls: 18 digits are an int64.
            if text.isdecimal() and len(text) <= 18:
                whole[index] = int(text)
                continue
            number = _number(text)
            if number is None:
                reasons[index] = reason if text.strip() else "is empty"
            elif not -_INT64_END <= number < _INT64_END:
                reasons[index] = "is too large a time"
            else:
                whole[index] = math.floor(number)
                fractions[index] = math.floor((number - math.floor(number)) * BILLION)
        return self._same_unit(self._problems(reasons, texts, rows, whole, fractions), rows)

    def _same_unit(self, times: Times, rows: npt.NDArray[np.int64]) -> Times:
        """Refuses rows whose times are of another unit than most of the file's first ones."""
        good = np.ones(len(times.whole), bool)
        good[list(times.problems)] = False
        if self.scale is None and good.any():
            self._find_unit(times.whole, good, rows)
        if self.scale is None or not self.scale.unit:
            return times
        units = _units(times.whole, hours=self.scale.unit == _DIGITS[10])
        own = _NAMES.index(self.scale.unit)
        for index in np.flatnonzero(good & (units >= 0) & (units != own)):
            reason = (
                f"looks like {_NAMES[units[index]]}, most times of the file like {self.scale.unit}"
            )
            times.problems[int(index)] = row_problem(
                self._path, rows[index], self._column, reason, str(times.whole[index])
            )
        return times

    def _find_unit(
        self,
        whole: npt.NDArray[np.int64],
        good: npt.NDArray[np.bool_],
        rows: npt.NDArray[np.int64],
    ) -> None:
        """Settles what the times of the file count, by the first of them."""
        # 0 and -1 stand for times that nobody knows.
        known = good & (whole > 0)
        units = _units(whole, hours=False)
        counts = np.bincount(units[known] + 1, minlength=len(_NAMES) + 1)[1:]
        most = int(counts.argmax())
        of_most = np.flatnonzero(known & (units == most))
        if counts[most] > known.sum() / 2:
            # 2026013115 would be seconds of the year 2034.
            hours = most == 0 and _digits_of_dates(whole[of_most], 10).mean() > 0.5
            self._note(_DIGITS[10] if hours else _NAMES[most], whole[of_most])
        elif (counts > 0).sum() > 1:
            other = int(np.where(np.arange(len(_NAMES)) == most, -1, counts).argmax())
            of_other = np.flatnonzero(known & (units == other))
            first, second = (
                f"row {rows[indices[0]]} holds {TimeScale(_NAMES[unit], int(whole[indices[0]]))}"
                for unit, indices in ((most, of_most), (other, of_other))
            )
            raise EventLogError(
                f"{self._path}: column {self._column!r} mixes units: {first}, {second}. Write "
                "all times in one unit."
            )
        else:
            self._note("", whole[good])

    def _note(self, unit: str, whole: npt.NDArray[np.int64]) -> None:
        if self.scale is None and len(whole):
            self.scale = TimeScale(unit, int(whole[0]))

    def _problems(
        self,
        reasons: Mapping[int, str],
        texts: list[str],
        rows: npt.NDArray[np.int64],
        whole: npt.NDArray[np.int64] | None = None,
        fractions: npt.NDArray[np.int32] | None = None,
    ) -> Times:
        problems = {
            index: row_problem(self._path, rows[index], self._column, reason, texts[index])
            for index, reason in reasons.items()
        }
        count = len(texts)
        return Times(
            np.zeros(count, np.int64) if whole is None else whole,
            np.zeros(count, np.int32) if fractions is None else fractions,
            problems,
        )


def check_time_type(path: str, column: str, kind: pyarrow.DataType) -> None:
    """Refuses a typed column that holds no times, before anything is read."""
    import pyarrow

    TimeReader(path, column).read(pyarrow.array([], value_type(kind)), np.zeros(0, np.int64))


def _plain_numbers(array: pyarrow.Array) -> Times | None:
    """Texts that are all digits, at most 18 so that they are int64, without a call for each."""
    import pyarrow
    from pyarrow import compute

    if array.null_count or not is_text(array.type) or not len(array):
        return None
    try:
        texts = array.cast(pyarrow.string())
    except pyarrow.ArrowInvalid:  # not UTF-8
        return None
    if not compute.all(compute.match_substring_regex(texts, "^[0-9]{1,18}$")).as_py():
        return None
    whole = texts.cast(pyarrow.int64()).to_numpy(zero_copy_only=False)
    return Times(whole, np.zeros(len(whole), np.int32), {})


def _dates_come_first(texts: list[str]) -> bool | None:
    """Whether the first time is a date; None if there is no time among the texts."""
    number = next((n for n, text in enumerate(texts) if _number(text) is not None), len(texts))
    if iso_times(texts[:number]).valid.any():
        return True
    return False if number < len(texts) else None


def _units(whole: npt.NDArray[np.int64], hours: bool) -> npt.NDArray[np.int64]:
    """The unit that each number looks like, as an index into `_NAMES`; -1 for none.

    Args:
        whole: The numbers.
        hours: Whether what may be seconds of the 2030s or YYYYMMDDHH is the latter.
    """
    units = np.full(len(whole), -1)
    for index, (begin, end) in enumerate(EPOCHS):
        units[(whole >= begin) & (whole < end)] = index
    # Only those of hours could be in an epoch, too; of the others there are few, or all are.
    left = np.arange(len(whole)) if hours else np.flatnonzero(units < 0)
    for index, digits in enumerate(_DIGITS, start=len(_UNITS)):
        units[left[_digits_of_dates(whole[left], digits)]] = index
    return units


def _digits_of_dates(whole: npt.NDArray[np.int64], digits: int) -> npt.NDArray[np.bool_]:
    """Which numbers are written like 20260131, or with hours, minutes and seconds after it."""
    day, clock = np.divmod(whole, 10 ** (digits - 8))
    year, rest = np.divmod(day, 10_000)
    month, day_of_month = np.divmod(rest, 100)
    parts = [(year, 1900, 2100), (month, 1, 12), (day_of_month, 1, 31)]
    for place in range(digits - 10, -1, -2):  # hours first
        part, clock = np.divmod(clock, 10**place)
        parts.append((part, 0, 23 if place == digits - 10 else 59))
    return np.logical_and.reduce([(least <= part) & (part <= most) for part, least, most in parts])


def _exact_texts(array: pyarrow.Array) -> list[str]:
    """As `column_texts`, but a fraction with all digits that its binary value has."""
    from pyarrow import types

    if not types.is_floating(array.type):
        return column_texts(array)
    return ["" if value is None else _float_text(value) for value in array.to_pylist()]


def _float_text(value: float) -> str:
    return format(Decimal(value), "f") if math.isfinite(value) else str(value)


def _number(time: str) -> Decimal | None:
    """The number that a text stands for: exact, so that nanoseconds survive."""
    text = time.strip()
    try:
        return Decimal(text) if _NUMBER.fullmatch(text) else None
    except InvalidOperation:  # an exponent of more than 18 digits
        return None
