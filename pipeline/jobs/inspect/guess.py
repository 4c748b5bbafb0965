"""Guesses the columns of a log that the user has not named.

A guess is only shown and written into the suggested command. No run uses it unless the user runs
that command.
"""

from __future__ import annotations

import dataclasses
from typing import NoReturn

from mclrec_tf.data.event_log.log_format import ARGUMENTS
from mclrec_tf.data.event_log.preview import Preview
from mclrec_tf.data.event_log.reader import EventLogError, EventLogFormat
from mclrec_tf.data.event_log.suggestions import (
    looks_like_time,
    suggest_columns,
    suggest_roles,
    suggest_times,
)
from pipeline.settings import option

_ROLES = dict(zip(ARGUMENTS, ("the user", "the item", "the time"), strict=True))
_SHORT_ROLES = {"user": "user", "item": "item", "timestamp": "time"}
# The smallest share of the first rows in which a column of users or items has a value.
_MOSTLY_FILLED = 0.9
# How missing values are often written. If a column has no other values, these are its ids.
_MISSING = {"", "na", "n/a", "nan", "null", "none", "\\n", "unknown"}
_ROWS_FOR_COLUMNS = 100
# A column of times counts as finer than another with this many times as many distinct values.
_FINER = 1.5


def guess_format(preview: Preview, given: EventLogFormat) -> tuple[EventLogFormat, list[str]]:
    """Completes a format by the first rows of a file.

    Args:
        preview: The first rows of the file.
        given: The format that the user has given, or the default. A column that the file has, and
            that is mostly filled, is kept.

    Returns:
        The format, and one sentence for each guess.

    Raises:
        EventLogError: The columns cannot be guessed.
    """
    if preview.kind.kind == "sequences" or given.columns:
        return given, []
    try:
        if not preview.is_named:
            return _without_header(preview, given)
        return _with_names(preview, given)
    except ValueError as error:
        if isinstance(error, EventLogError):
            raise
        raise EventLogError(f"{preview.path}: {error}") from error


def _without_header(preview: Preview, given: EventLogFormat) -> tuple[EventLogFormat, list[str]]:
    columns = suggest_columns(preview.rows[:_ROWS_FOR_COLUMNS])
    if not columns:
        raise EventLogError(
            f"{preview.path}: has no header, and its values do not tell which column is the user "
            f"and which the item: {', '.join(map(repr, preview.rows[0]))}. Name the columns with "
            "--columns, with - for each one that is not needed."
        )
    if given.where:
        raise EventLogError(
            f"{preview.path}: has no header, so --where needs --columns with a name for each "
            f"column. By their values they look like {columns}; rename what --where compares."
        )
    names = columns.split(",")
    positions = {role: number for number, role in enumerate(names, start=1) if role != "-"}
    time = ""
    if "timestamp" not in positions:
        given = dataclasses.replace(given, timestamp_column="")
        time = ", and no column looks like the time"
    guesses = ", ".join(
        f"column {number} is the {_SHORT_ROLES[role]}" for role, number in positions.items()
    )
    return dataclasses.replace(given, columns=columns), [
        f"There is no header. By the values, {guesses}{time}. If two columns could be the user, "
        "the first one was taken: exchange the names in --columns if it is the other way round."
    ]


def _with_names(preview: Preview, given: EventLogFormat) -> tuple[EventLogFormat, list[str]]:
    given_names = {role: getattr(given, role) for role in _ROLES}
    if not given.timestamp_column:
        del given_names["timestamp_column"]
    filled = [name for name in preview.names if _filled(preview, name) >= _MOSTLY_FILLED]
    found = {role: name for role, name in given_names.items() if name in filled}
    for role in given_names:
        if role not in found and (name := _by_name(role, preview, filled, found)):
            found[role] = name
    for role, name in given_names.items():
        # A column that is not always filled is better than none.
        if role not in found and name in preview.names:
            found[role] = name
    if "timestamp_column" in given_names and "timestamp_column" not in found:
        found["timestamp_column"] = _time_by_value(preview, filled, found)
    missing = [role for role in given_names if role not in found]
    if missing:
        raise EventLogError(
            f"{preview.path}: it cannot be guessed which column is {_ROLES[missing[0]]}. The "
            f"columns are: {', '.join(map(repr, preview.names[:30]))}. Name it with "
            + " and ".join(f"{option(role)}" for role in missing)
            + "."
        )
    return dataclasses.replace(given, **found), [
        _sentence(role, given_names[role], name, preview)
        for role, name in found.items()
        if name != given_names[role]
    ]


def _by_name(role: str, preview: Preview, filled: list[str], found: dict[str, str]) -> str:
    free = [name for name in filled if name not in found.values()]
    suggested = suggest_roles(free).get(role, "")
    if role != "timestamp_column" or not suggested:
        return suggested
    if not _holds_times(preview, suggested):
        return _time_by_value(preview, filled, found) or _refuse_time(preview, suggested)
    # Where there are several columns of times, for example days and milliseconds, the finest one
    # tells most about the order of the events.
    finest = _time_by_value(preview, filled, found)
    is_finer = finest and _distinct(preview, finest) > _FINER * _distinct(preview, suggested)
    return finest if is_finer else suggested


def _time_by_value(preview: Preview, filled: list[str], found: dict[str, str]) -> str:
    """The column of times with the most distinct values, and the first one of several."""
    free = [name for name in filled if name not in found.values()]
    times = [name for name in free if looks_like_time(preview.column(name))]
    if times:
        return max(times, key=lambda name: _distinct(preview, name))
    for name in suggest_times(free):
        if not _holds_times(preview, name):
            _refuse_time(preview, name)
    return ""


def _distinct(preview: Preview, name: str) -> int:
    return len({*preview.column(name)})


def _refuse_time(preview: Preview, name: str) -> NoReturn:
    raise EventLogError(
        f"{preview.path}: column {name!r} looks like the time, but it contains "
        f"{next(filter(None, preview.column(name)))[:40]!r}, which is neither a number nor a date "
        "in ISO 8601 (2026-01-31T10:15:00). Write it in that form, or give --timestamp-column "
        '"" if the rows are in the order of the events.'
    )


def _holds_times(preview: Preview, name: str) -> bool:
    """Whether a column can be a time: any number can be one, a word such as "Monday" cannot."""
    if preview.types:
        return True
    values = [value for value in preview.column(name) if value]
    return looks_like_time(values) or all(_is_number(value) for value in values)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _filled(preview: Preview, name: str) -> float:
    values = preview.column(name)
    filled = sum(value.strip().lower() not in _MISSING for value in values)
    return filled / max(len(values), 1)


def _sentence(role: str, given_name: str, name: str, preview: Preview) -> str:
    if not name:
        return (
            f"No column {given_name!r} and none that looks like a time: the order of the rows is "
            'taken for the order of the events (--timestamp-column "").'
        )
    why = (
        f"{given_name!r} is missing in {1 - _filled(preview, given_name):.0%} of the first rows"
        if given_name in preview.names
        else f"there is no column {given_name!r}"
    )
    return f"{name!r} is taken for {_ROLES[role]}, because {why}."
