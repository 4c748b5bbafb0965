"""Rows of the built-in sample as CSV text, some of them flawed on purpose."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mclrec_tf.data.sample.users import Events

DUPLICATE, NO_USER, NO_TIME = 1, 2, 3  # flaws of a row; 0 is none
_USER_DIGITS, _TIME_DIGITS = 8, 10
_UNREADABLE_TIME = b"2023-01-31"  # as long as the times are


def with_flaws(
    events: Events, flaw_share: float, rng: np.random.Generator, max_rows: int
) -> tuple[Events, npt.NDArray[np.int8]]:
    """Writes some events a second time, as a duplicate or an unusable row, and says which.

    As flaws are copies, the events that a reader can use are those of the simulation.
    """
    u = rng.random(len(events.items))
    source = np.repeat(np.arange(len(u)), np.where(u < 2 * flaw_share, 2, 1))[:max_rows]
    kinds = np.searchsorted([flaw_share, 1.5 * flaw_share], u, side="right")
    is_copy = np.diff(source, prepend=-1) == 0
    flaws = np.where(is_copy, DUPLICATE + kinds[source], 0).astype(np.int8)
    kept = Events(events.users[source], events.items[source], events.times[source])
    return kept, flaws


def csv_rows(events: Events, flaws: npt.NDArray[np.int8], ids: npt.NDArray[np.uint8]) -> bytes:
    """The rows as text: a table of characters, one row of equal length an event."""
    fields = (
        (b"u", _digits(events.users, _USER_DIGITS)),
        (b",", ids[events.items]),
        (b",", _digits(events.times, _TIME_DIGITS)),
    )
    parts = []
    for before, text in fields:
        parts += [np.full((len(text), 1), ord(before), np.uint8), text]
    table = np.hstack([*parts, np.full((len(flaws), 1), ord("\n"), np.uint8)])
    table[flaws == NO_TIME, -1 - _TIME_DIGITS : -1] = np.frombuffer(_UNREADABLE_TIME, np.uint8)
    nobody = flaws == NO_USER
    if not nobody.any():
        return table.tobytes()
    written = np.ones(table.shape, bool)
    written[nobody, : 1 + _USER_DIGITS] = False
    return table[written].tobytes()


def item_ids(
    categories: npt.NDArray[np.int64], numbers: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint8]:
    """Ids like c007-0042, the 43rd item of the eighth category, as rows of characters.

    Args:
        categories: The category of each item, from 0.
        numbers: The place of each item in its category, from 0.
    """
    c, dash = (np.full((len(numbers), 1), ord(sign), np.uint8) for sign in "c-")
    return np.hstack([c, _digits(categories, 3), dash, _digits(numbers, 4)])


def _digits(numbers: npt.NDArray[np.integer], count: int) -> npt.NDArray[np.uint8]:
    """The numbers in decimal, as rows of `count` characters with leading zeros."""
    text = np.empty((len(numbers), count), np.uint8)
    rest = numbers.astype(np.uint32)  # divides several times faster than int64
    for column in reversed(range(count)):
        rest, text[:, column] = np.divmod(rest, np.uint32(10))
    return text + np.uint8(ord("0"))
