"""What the columns of a log probably are, where nobody has said it.

A guess is only shown and put into the command that is to be pasted: nothing is ever read by it
without a person.
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
_SAID = {"user": "user", "item": "item", "timestamp": "time"}
# Of the first rows; a column that is empty more often is not what tells users or items.
_MOSTLY_FILLED = 0.9
# As what a value that is missing is often written. Ids they stay, if nothing else is there.
_MISSING = {"", "na", "n/a", "nan", "null", "none", "\\n", "unknown"}
_ROWS_FOR_COLUMNS = 100
_FINER = 1.5


def guess_format(preview: Preview, given: EventLogFormat) -> tuple[EventLogFormat, list[str]]:
    """Completes a format by what the first rows of a file look like.

    Args:
        preview: Of the file.
        given: What a person has said, or the defaults. A column that the file has, and that is
            filled, stays.

    Returns:
        The format, and a sentence for each guess.

    Raises:
        EventLogError: It cannot be told which column is which.
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
            "--columns, - for one that is not needed."
        )
    if given.where:
        raise EventLogError(
            f"{preview.path}: has no header, so --where needs --columns with a name for each "
            f"column. By their values they look like {columns}; rename what --where compares."
        )
    names = columns.split(",")
    places = {role: place for place, role in enumerate(names, start=1) if role != "-"}
    time = ""
    if "timestamp" not in places:
        given = dataclasses.replace(given, timestamp_column="")
        time = ", and no column looks like the time"
    said = ", ".join(f"column {place} is the {_SAID[role]}" for role, place in places.items())
    return dataclasses.replace(given, columns=columns), [
        f"There is no header. By the values, {said}{time}. Where two columns could be the "
        "user, the first was taken: exchange the names in --columns if it is the other way round."
    ]


def _with_names(preview: Preview, given: EventLogFormat) -> tuple[EventLogFormat, list[str]]:
    wanted = {role: getattr(given, role) for role in _ROLES}
    if not given.timestamp_column:
        del wanted["timestamp_column"]
    filled = [name for name in preview.names if _filled(preview, name) >= _MOSTLY_FILLED]
    found = {role: name for role, name in wanted.items() if name in filled}
    for role in wanted:
        if role not in found and (name := _by_name(role, preview, filled, found)):
            found[role] = name
    for role, name in wanted.items():
        # Better a column that is not always filled than none.
        if role not in found and name in preview.names:
            found[role] = name
    if "timestamp_column" in wanted and "timestamp_column" not in found:
        found["timestamp_column"] = _time_by_value(preview, filled, found)
    missing = [role for role in wanted if role not in found]
    if missing:
        raise EventLogError(
            f"{preview.path}: it cannot be told which column is {_ROLES[missing[0]]}. The columns "
            f"are: {', '.join(map(repr, preview.names[:30]))}. Name it with "
            + " and ".join(f"{option(role)}" for role in missing)
            + "."
        )
    return dataclasses.replace(given, **found), [
        _sentence(role, wanted[role], name, preview)
        for role, name in found.items()
        if name != wanted[role]
    ]


def _by_name(role: str, preview: Preview, filled: list[str], found: dict[str, str]) -> str:
    free = [name for name in filled if name not in found.values()]
    suggested = suggest_roles(free).get(role, "")
    if role != "timestamp_column" or not suggested:
        return suggested
    if not _holds_times(preview, suggested):
        return _time_by_value(preview, filled, found) or _refuse_time(preview, suggested)
    # A day beside milliseconds, or a day of birth, says less of the order.
    finest = _time_by_value(preview, filled, found)
    is_finer = finest and _different(preview, finest) > _FINER * _different(preview, suggested)
    return finest if is_finer else suggested


def _time_by_value(preview: Preview, filled: list[str], found: dict[str, str]) -> str:
    """The column of times that has the most different ones, the first of several."""
    free = [name for name in filled if name not in found.values()]
    times = [name for name in free if looks_like_time(preview.column(name))]
    if times:
        return max(times, key=lambda name: _different(preview, name))
    for name in suggest_times(free):
        if not _holds_times(preview, name):
            _refuse_time(preview, name)
    return ""


def _different(preview: Preview, name: str) -> int:
    return len({*preview.column(name)})


def _refuse_time(preview: Preview, name: str) -> NoReturn:
    raise EventLogError(
        f"{preview.path}: column {name!r} looks like the time, but it holds "
        f"{next(filter(None, preview.column(name)))[:40]!r}, which is no number and no date "
        "as ISO 8601 writes it (2026-01-31T10:15:00). Write it so, or give --timestamp-column "
        '"" if the rows stand in the order of the events.'
    )


def _holds_times(preview: Preview, name: str) -> bool:
    """Whether a column can be a time: all numbers are, words such as "Monday" are not."""
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


def _sentence(role: str, wanted: str, name: str, preview: Preview) -> str:
    if not name:
        return (
            f"No column {wanted!r} and none that looks like a time: the order of the rows is taken "
            'for the order of the events (--timestamp-column "").'
        )
    why = (
        f"{wanted!r} is missing in {1 - _filled(preview, wanted):.0%} of the first rows"
        if wanted in preview.names
        else f"there is no column {wanted!r}"
    )
    return f"{name!r} is taken for {_ROLES[role]}, because {why}."
