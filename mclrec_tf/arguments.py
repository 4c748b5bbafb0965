"""Refuses arguments that are no numbers or paths of the kind that is needed, by their names."""

import math
import operator
import os
from typing import Any


def check_whole(least: int, **numbers: Any) -> None:
    """Checks that arguments are whole numbers of a size.

    Args:
        least: The smallest that will do.
        numbers: The arguments by name.

    Raises:
        ValueError: One is not.

    Example:
        >>> from mclrec_tf.arguments import check_whole
        >>> check_whole(1, k=2.5)
        Traceback (most recent call last):
        ValueError: k must be a whole number, got 2.5.
    """
    for name, number in numbers.items():
        try:
            value = operator.index(number)
        except TypeError:
            raise ValueError(f"{name} must be a whole number, got {number!r}.") from None
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {number}.")


def check_whole_or_none(least: int, **numbers: Any) -> None:
    """Checks arguments as `check_whole` does, but for those that are None, which may be left out.

    Args:
        least: The smallest that will do.
        numbers: The arguments by name.

    Raises:
        ValueError: One is not.
    """
    check_whole(least, **{name: number for name, number in numbers.items() if number is not None})


def check_share(most: float = 1, **shares: Any) -> None:
    """Checks that arguments are shares, from 0 to a largest one.

    Args:
        most: The largest that will do.
        shares: The arguments by name.

    Raises:
        ValueError: One is not.
    """
    for name, share in shares.items():
        if not 0 <= _number(name, share) <= most:
            raise ValueError(f"{name} must lie in 0..{most}, got {share}.")


def check_weight(**weights: Any) -> None:
    """Checks that arguments are finite numbers that are not negative.

    Args:
        weights: The arguments by name.

    Raises:
        ValueError: One is not.
    """
    for name, weight in weights.items():
        number = _number(name, weight)
        if not number >= 0:
            raise ValueError(f"{name} must not be negative, got {weight}.")
        if math.isinf(number):
            raise ValueError(f"{name} must be finite, got {weight}.")


def path_text(name: str, path: str | os.PathLike[str]) -> str:
    """A path as text.

    Args:
        name: Of the argument, for the message.
        path: The path.

    Raises:
        ValueError: It is none.
    """
    text = os.fspath(path) if isinstance(path, (str, os.PathLike)) else None
    if not isinstance(text, str):
        raise ValueError(f"{name} must be a path, as text or a pathlib.Path, got {path!r}.")
    return text


def _number(name: str, value: Any) -> float:
    if isinstance(value, (str, bytes)):  # which float would read
        raise ValueError(f"{name} must be a number, got {value!r}.")
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a number, got {value!r}.") from None
