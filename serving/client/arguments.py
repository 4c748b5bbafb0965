"""What callers give, made what the client works with or refused by the name of the argument.

A wrong type is a TypeError, a value that makes no sense a ValueError; both before anything is sent.
"""

from __future__ import annotations

import math
import numbers
import operator
import reprlib
from collections.abc import Mapping, Set
from typing import Any

_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 80


def item_ids(name: str, value: Any, any_order: bool = False) -> list[str]:
    """The ids of any iterable of strings: a list, an array, a column, a generator.

    Args:
        name: Of the argument, for the error.
        value: What was given.
        any_order: Whether it may be a set.
    """
    ids = _listed(name, value, "item ids", any_order)
    for position, item_id in enumerate(ids):
        if not isinstance(item_id, str):
            raise TypeError(f"{name}[{position}] is {_told(item_id)}; an item id is a string")
        if not item_id:
            raise ValueError(f"{name}[{position}] is ''; an item id is not empty")
        if "\n" in item_id or "\r" in item_id:
            raise ValueError(
                f"{name}[{position}] is {_shown(item_id)}; an item id holds no line break"
            )
    return ids


def rows(name: str, value: Any, any_order: bool = False) -> list[list[str]]:
    """The ids of each of several such iterables.

    Args:
        name: Of the argument, for the error.
        value: What was given.
        any_order: Whether each of them may be a set.
    """
    listed = _listed(name, value, "sequences of item ids")
    return [item_ids(f"{name}[{row}]", ids, any_order) for row, ids in enumerate(listed)]


def whole_number(name: str, value: Any, at_least: int, at_most: int = 2**31 - 1) -> int:
    """An int, of Python or NumPy, in a range."""
    if _is_bool(value) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} is {_told(value)}; give a whole number")
    try:
        number = operator.index(value)
    except TypeError:  # an array has it, too
        raise TypeError(f"{name} is {_told(value)}; give a whole number") from None
    if not at_least <= number <= at_most:
        raise ValueError(f"{name} is {number}; give at least {at_least}, at most {at_most}")
    return number


def seconds(name: str, value: Any) -> float:
    """A number of seconds above 0."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} is {_told(value)}; give a number of seconds")
    try:
        number = float(value)
    except OverflowError:  # of a whole number
        number = math.inf
    if not 0 < number < math.inf:
        raise ValueError(f"{name} is {_shown(value)}; give a finite number of seconds above 0")
    return number


def flag(name: str, value: Any) -> bool:
    """A bool, of Python or NumPy."""
    if not _is_bool(value):
        raise TypeError(f"{name} is {_told(value)}; give True or False")
    return bool(value)


def text(name: str, value: Any) -> str:
    """A string that is not empty."""
    if not isinstance(value, str):
        raise TypeError(f"{name} is {_told(value)}; give a string")
    if not value:
        raise ValueError(f"{name} is empty")
    return value


def _is_bool(value: Any) -> bool:
    # NumPy is not imported; the name of its type ends with a line before version 2.
    kind = type(value)
    return kind is bool or (kind.__module__ == "numpy" and kind.__name__ in ("bool", "bool_"))


def _listed(name: str, value: Any, of_what: str, any_order: bool = False) -> list[Any]:
    if isinstance(value, str | bytes):
        raise TypeError(f"{name} is the string {_shown(value)}; give a sequence of {of_what}")
    if isinstance(value, Set) and not any_order:
        raise TypeError(f"{name} is a {type(value).__name__}, which has no order; give a sequence")
    # Iterated, a table is the names of its columns, or the columns.
    if isinstance(value, Mapping) or hasattr(value, "columns"):
        raise TypeError(f"{name} is a {type(value).__name__}; give a sequence of {of_what}")
    try:
        elements = iter(value)
    except TypeError:
        raise TypeError(f"{name} is {_told(value)}; give a sequence of {of_what}") from None
    return list(elements)


def _told(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return repr(value)
    return f"{_shown(value)} of type {type(value).__name__}"


def _shown(value: Any) -> str:
    """The value in short; NumPy 2 would write np.int64(3) for 3."""
    kind = type(value)
    scalar = kind.__module__ == "numpy" and kind.__name__ != "ndarray"
    return _REPR.repr(value.item() if scalar and hasattr(value, "item") else value)
