"""ISO 8601 dates and times as seconds since 1970, many at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow

_ISO = re.compile(
    r"\s*(?!\d{8}\s*$)(\d{4})(?P<dash>-?)(\d\d)(?P=dash)(\d\d)"
    r"(?:[T ](\d\d)(?P<colon>:?)(\d\d)(?:(?P=colon)(\d\d)(?:[.,](\d{1,9})\d*)?)?"
    r" ?(Z|z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?)?\s*",
    re.ASCII,
)


# Of RE2; in years that nanoseconds hold. The time zone is Z or of the form +02:00.
_USUAL = (
    r"^(1[7-9]|2[01])\d\d-\d\d-\d\d"
    r"([T ]\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?)?$"
)
_NONE = ("1970", "", "01", "01", "", "", "", "", "", "")


class IsoTimes(NamedTuple):
    """Points in time, each `[N]`; a time without a zone is UTC.

    Attributes:
        seconds: int64, whole seconds since 1970.
        billionths: int32, of a second, what comes after them.
        valid: bool, whether the text is a date that exists; the others are 0.
    """

    seconds: npt.NDArray[np.int64]
    billionths: npt.NDArray[np.int32]
    valid: npt.NDArray[np.bool_]


def usual_iso_times(array: pyarrow.Array) -> IsoTimes | None:
    """The same of an array of texts which are all usual ones, without a call for each.

    Usual is what most programs write; None if any is not. Whatever this reads, `iso_times` reads
    alike.
    """
    import pyarrow
    from pyarrow import compute

    if array.null_count or not len(array):
        return None
    try:
        texts = array.cast(pyarrow.string())
        if not compute.all(compute.match_substring_regex(texts, _USUAL)).as_py():
            return None
        first = texts[0].as_py()
        has_zone = len(first) > 10 and (first[-1] == "Z" or first[-6] in "+-")
        stamps = texts.cast(pyarrow.timestamp("ns", "UTC" if has_zone else None))
    except pyarrow.ArrowException:  # not UTF-8, zones here and there, 30 February
        return None
    counts = stamps.cast(pyarrow.int64()).to_numpy(zero_copy_only=False)
    seconds, billionths = np.divmod(counts, 10**9)
    return IsoTimes(seconds, billionths.astype(np.int32), np.ones(len(counts), bool))


def iso_times(texts: Sequence[str]) -> IsoTimes:
    """Reads dates (`2026-01-31`) and times (`2026-01-31T10:15:00.5+02:00`, `20260131T101500Z`).

    Example:
        >>> from mclrec_tf.data.event_log.values.iso_times import iso_times
        >>> iso_times(["1970-01-02", "1970-01-01 01:00:00.5+01:00", "1970-02-30"]).seconds
        array([86400,     0,     0])
    """
    matches = [_ISO.fullmatch(text) for text in texts]
    groups = [match.groups("") if match else _NONE for match in matches]
    if not groups:
        return IsoTimes(np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, bool))
    *numbers, fraction, zone = zip(*groups, strict=True)
    year, month, day, hour, minute, second = (
        np.array([int(digits or 0) for digits in numbers[index]]) for index in (0, 2, 3, 4, 6, 7)
    )
    months = (year - 1970) * 12 + np.clip(month, 1, 12) - 1
    first, next_first = (
        number.astype("datetime64[M]").astype("datetime64[D]") for number in (months, months + 1)
    )
    days_in_month = (next_first - first).astype(int)
    valid = (
        np.array([match is not None for match in matches])
        & (month >= 1)
        & (month <= 12)
        & (day >= 1)
        & (day <= days_in_month)
        & (hour < 24)
        & (minute < 60)
        & (second <= 60)  # a leap second
    )
    days = first.astype(np.int64) + day - 1
    seconds = days * 86_400 + hour * 3600 + minute * 60 + second
    offsets = {text: _offset(text) for text in {*zone}}
    seconds -= np.array([offsets[text] for text in zone])
    billionths = np.array([int(digits.ljust(9, "0")) if digits else 0 for digits in fraction])
    return IsoTimes(
        np.where(valid, seconds, 0), np.where(valid, billionths, 0).astype(np.int32), valid
    )


def _offset(zone: str) -> int:
    """Seconds east of UTC."""
    if zone in ("", "Z", "z", "UTC", "GMT"):
        return 0
    hours, minutes = int(zone[1:3]), int(zone[3:].replace(":", "") or 0)
    return (-1 if zone[0] == "-" else 1) * (hours * 3600 + minutes * 60)
