"""Tells whether a block of text is quoted as simply as fast parsers read it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_QUOTE, _ENDS = ord('"'), (ord("\n"), ord("\r"))


def is_plainly_quoted(block: bytes, separator: str) -> bool:
    """Whether every quote of some lines is one of RFC 4180, and none goes over the end of a line.

    That is so if quotes, but for those that are doubled within a field, open and close in turn; if
    what opens stands after a separator or at the start of a line, what closes before a separator or
    at the end of one; and if no line ends in between. Then every parser reads the same fields.

    Args:
        block: Whole lines.
        separator: One ASCII character.

    Example:
        >>> from mclrec_tf.data.event_log.formats.quoting import is_plainly_quoted
        >>> is_plainly_quoted(b'"ann","green tea",17', ",")
        True
        >>> is_plainly_quoted(b'ann,3" nail,17', ",")
        False
    """
    text = np.frombuffer(block, np.uint8)
    quotes = np.flatnonzero(text == _QUOTE)
    if not len(quotes):
        return True
    # Runs of quotes: one of odd length opens or closes, one of even length is doubled quotes within
    # a field, or a field of its own.
    is_first = np.diff(quotes, prepend=-2) > 1
    begins = quotes[is_first]
    ends = np.append(quotes[np.flatnonzero(is_first)[1:] - 1], quotes[-1]) + 1
    is_odd = (ends - begins) % 2 == 1
    if is_odd.sum() % 2:
        return False
    is_outside = (np.cumsum(is_odd) - is_odd) % 2 == 0
    after = _is_border(text, ends, separator)
    before = _is_border(text, begins - 1, separator)
    opens, closes = is_odd & is_outside, is_odd & ~is_outside
    alone = ~is_odd & is_outside
    borders = before[opens].all() and after[closes].all() and (before & after)[alone].all()
    if not borders:
        return False
    line_ends = np.flatnonzero(np.isin(text, _ENDS))
    return bool(
        np.array_equal(
            np.searchsorted(line_ends, begins[opens]), np.searchsorted(line_ends, ends[closes] - 1)
        )
    )


def _is_border(
    text: npt.NDArray[np.uint8], indices: npt.NDArray[np.int64], separator: str
) -> npt.NDArray[np.bool_]:
    """Whether a separator or the end of a line stands at each index, or the text begins or ends."""
    inside = (indices >= 0) & (indices < len(text))
    found = text[np.where(inside, indices, 0)]
    return ~inside | np.isin(found, (ord(separator), *_ENDS))
