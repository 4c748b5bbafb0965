"""Event logs with a JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np

from mclrec_tf.data.event_log.events import RawBatch, RowProblem, row_problem
from mclrec_tf.data.event_log.file_kind import parse_object
from mclrec_tf.data.event_log.formats.text_blocks import TextBlocks, split_lines
from mclrec_tf.data.event_log.log_format import EventLogFormat, check_columns

_LISTS = (list, tuple)  # a tuple of a Python dict
_KINDS = {
    dict: "an object where one value is needed",
    list: "a list where one value is needed",
    tuple: "a list where one value is needed",
    set: "a set, which has no order",
    bytes: "bytes instead of text",
}
_NOT_SINGLE = tuple(_KINDS)


class _NotSingleError(Exception):
    """A value of several parts stands where one is needed."""


def read_json_lines(
    path: str, blocks: TextBlocks, format: EventLogFormat, partitions: Collection[str] = ()
) -> Iterator[RawBatch]:
    """Yields what the objects of a file hold under the names of the format.

    A name with dots leads into objects; a list on the way is several events: with item column
    `events.aid`, `{"session": 7, "events": [{"aid": 1}, {"aid": 2}]}` holds two, and so does
    `{"session": 7, "aids": [1, 2]}` with item column `aids`. Under the names of `format.lists` a
    list is one value, as the text of a JSON list.
    """
    checked = all_seen = False
    needed, lists = format.needed, format.lists
    paths = {name: name.split(".") for name in needed}
    present: dict[str, None] = {}
    for block in blocks:
        texts: dict[str, list[str]] = {name: [] for name in needed}
        rows: list[int] = []
        problems: list[RowProblem] = []
        for row, line in enumerate(split_lines(block), start=blocks.row):
            if not line.strip():
                continue
            text = line.decode("utf-8", "surrogateescape")
            try:
                found = parse_object(text)
                events = _events(found, paths, format.roles)
            except ValueError as error:
                problems.append(row_problem(path, row, "", str(error), text))
                continue
            # Names cost as much as values; they are needed until each was seen once.
            if not all_seen:
                present.update(dict.fromkeys(_names(found)))
                all_seen = present.keys() >= {*needed}
            for event in events:
                try:
                    values = [
                        _list_text(event[name]) if name in lists else _text(event[name])
                        for name in needed
                    ]
                except _NotSingleError:
                    problems.append(_not_single(path, row, event))
                    continue
                for name, value in zip(needed, values, strict=True):
                    texts[name].append(value)
                rows.append(row)
        if not checked and present:
            # Without waiting for the end. What only a filter needs may stand in few objects.
            check_columns(path, list(present), replace(format, where=""), "the file", partitions)
            checked = True
        # What the objects hold themselves counts more than the name of their folder.
        columns = {
            name: _binary(values)
            for name, values in texts.items()
            if name in present or name not in partitions
        }
        yield RawBatch(columns, np.array(rows, np.int64), problems)
    if present:
        check_columns(path, list(present), format, "the file", partitions)


def _not_single(path: str, row: int, event: dict[str, Any]) -> RowProblem:
    name, value = next((n, v) for n, v in event.items() if isinstance(v, _NOT_SINGLE))
    what = next(what for kind, what in _KINDS.items() if isinstance(value, kind))
    return row_problem(path, row, name, f"holds {what}", repr(value))


def first_values(lines: Iterable[str]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """All names in the objects of some lines, and the values of each object, of lists the first.

    Lines that hold no object are left out.
    """
    objects = []
    for line in lines:
        with suppress(ValueError):
            objects.append(parse_object(line))
    names = tuple(dict.fromkeys(name for one in objects for name in _names(one)))
    return names, [tuple(_first_text(one, name) for name in names) for one in objects]


def _first_text(found: dict[str, Any], name: str) -> str:
    value = _lookup(found, name.split("."))
    while isinstance(value, _LISTS):
        value = value[0] if value else None
    return "" if isinstance(value, _NOT_SINGLE) else _text(value)


def _names(value: Any, prefix: str = "") -> Iterator[str]:
    if isinstance(value, dict) and prefix.count(".") < 8:
        for name, inner in value.items():
            yield from _names(inner, f"{prefix}{name}.")
    elif isinstance(value, _LISTS) and value and isinstance(value[0], dict):
        yield from _names(value[0], prefix)
    else:
        yield prefix[:-1]


def _events(
    found: dict[str, Any], paths: Mapping[str, list[str]], roles: Collection[str]
) -> list[dict[str, Any]]:
    """The values of each event of an object, by name."""
    values = {name: _lookup(found, path) for name, path in paths.items()}
    for name in roles:
        if isinstance(values[name], _LISTS):
            values[name] = _Several(values[name])
    counts = {len(value) for value in values.values() if isinstance(value, _Several)}
    for name, value in values.items():
        if isinstance(value, _LISTS) and len(value) in counts:  # what a filter compares
            values[name] = _Several(value)
    if not counts:
        return [values]
    if len(counts) > 1:
        raise ValueError("has lists of different lengths")
    return [
        {name: v[index] if isinstance(v, _Several) else v for name, v in values.items()}
        for index in range(counts.pop())
    ]


class _Several(list[Any]):
    """The values of a name that leads through a list."""


def _lookup(value: Any, path: list[str]) -> Any:
    if not path:
        return value
    if isinstance(value, _LISTS):
        return _Several(_lookup(one, path) for one in value)
    if not isinstance(value, dict):
        return None
    dotted = ".".join(path)
    return value[dotted] if dotted in value else _lookup(value.get(path[0]), path[1:])


def _text(value: Any) -> str:
    """A value as a text file would hold it; none is empty."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, _NOT_SINGLE):
        raise _NotSingleError
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal):
        if not value.is_finite() or abs(value.adjusted()) > 30:
            return str(value)
        return str(int(value)) if value == value.to_integral_value() else format(value, "f")
    return str(value)


def _list_text(value: Any) -> str:
    """A value as text, a list as that of JSON."""
    return json.dumps(value, default=_number) if isinstance(value, _LISTS) else _text(value)


def _number(value: Any) -> float:
    """A value of a list that JSON does not write by itself."""
    if isinstance(value, Decimal):
        return float(value)
    raise _NotSingleError


def _binary(values: list[str]) -> Any:
    import pyarrow

    return pyarrow.array([_encoded(value) for value in values], pyarrow.binary())


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a lone surrogate that JSON wrote as \\ud800
        return text.encode("utf-8", "surrogatepass")
