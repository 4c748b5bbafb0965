"""Takes the columns of the table of a catalogue apart: into single values, or into numbers.

A field with several values has them between `|`, or is a list: of Parquet, of JSON lines, or as
JSON in a text. A vector is a list of numbers, or has them between spaces, in brackets or not.
"""

from __future__ import annotations

import json
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow
from pyarrow import compute, types

from mclrec_tf.data.event_log.events import row_problem
from mclrec_tf.data.item_table_rows import ItemTableError, is_list, texts_of

_SEPARATOR = "|"
# What pandas writes into a CSV file for a list of texts, and for an array of them.
_PYTHON_LIST = r"""(?s)^\[\s*(['"].*(['"]|\bNone)|None\b.*['"])\s*\]$"""


class Values(NamedTuple):
    """The single values of some fields.

    Attributes:
        fields: int64 `[N]`, in which field each value stands, rising.
        values: pyarrow large_string `[N]`, none of them empty.
    """

    fields: npt.NDArray[np.int64]
    values: pyarrow.Array


class Numbers(NamedTuple):
    """The numbers of some fields.

    Attributes:
        counts: int64 `[F]`, how many each field has; 0 for one that is empty.
        numbers: float32 `[N]`, those of the first field, then those of the second, and so on.
    """

    counts: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.float32]


def split_values(
    file: str, column: str, rows: npt.NDArray[np.int64], array: pyarrow.Array
) -> Values:
    """The values of a categorical column; spaces around a value are not part of it.

    Args:
        file, column, rows: Where the fields stand, for messages.
        array: The column.

    Raises:
        ItemTableError: A value is not UTF-8, or a list as Python writes it.
    """
    if is_list(array.type):
        fields = _parents(array)
        texts = texts_of(file, column, rows[fields], _flat(array))
        return _stripped(fields, texts)
    texts = texts_of(file, column, rows, array)
    lists = compute.and_(compute.starts_with(texts, "["), compute.ends_with(texts, "]"))
    split = compute.split_pattern(texts, _SEPARATOR)
    fields, values = _parents(split), _flat(split)
    found = {
        field: listed
        for field in np.flatnonzero(lists.to_numpy(zero_copy_only=False)).tolist()
        if (listed := _json_list(texts[field].as_py())) is not None
    }
    python_lists = compute.match_substring_regex(texts, _PYTHON_LIST)
    for field in np.flatnonzero(python_lists.to_numpy(zero_copy_only=False)).tolist():
        if field not in found:
            reason = "is a list as Python writes it, not as JSON"
            problem = row_problem(file, rows[field], column, reason, texts[field].as_py())
            raise ItemTableError(
                f"{problem}. Write several values with | between them, x|y, or as a list in JSON, "
                '["x", "y"]; if the column is no category, name the columns to use.'
            )
    if found:
        keep = ~np.isin(fields, list(found))
        of_lists = [(field, value) for field, listed in found.items() for value in listed]
        fields = np.concatenate([fields[keep], np.array([f for f, _ in of_lists], np.int64)])
        more = pyarrow.array([value for _, value in of_lists], pyarrow.large_string())
        values = pyarrow.concat_arrays([values.filter(pyarrow.array(keep)), more])
        order = np.argsort(fields, kind="stable")
        fields, values = fields[order], values.take(pyarrow.array(order))
    return _stripped(fields, values)


def split_numbers(
    file: str, column: str, rows: npt.NDArray[np.int64], array: pyarrow.Array
) -> Numbers:
    """The numbers of a column of vectors.

    Args:
        file, column, rows: Where the fields stand, for messages.
        array: The column.

    Raises:
        ItemTableError: Something is not a number, or is one that 32 bits do not hold.
    """
    if is_list(array.type):
        lists = array
        values = _flat(lists)
        if not _is_number(values.type):
            values = texts_of(file, column, rows[_parents(lists)], values)
    else:
        texts = compute.utf8_trim_whitespace(texts_of(file, column, rows, array))
        brackets = compute.and_(compute.starts_with(texts, "["), compute.ends_with(texts, "]"))
        if compute.any(brackets).as_py():
            inside = compute.replace_substring(compute.utf8_trim(texts, "[]"), ",", " ")
            texts = compute.utf8_trim_whitespace(compute.if_else(brackets, inside, texts))
        lists = compute.utf8_split_whitespace(texts)
        # The text "" is split into one part, which is empty.
        lists = compute.if_else(compute.equal(texts, ""), None, lists)
        values = _flat(lists)
    fields = _parents(lists)
    numbers = _as_float32(file, column, rows, fields, values)
    return Numbers(np.bincount(fields, minlength=len(rows)), numbers)


def _as_float32(
    file: str,
    column: str,
    rows: npt.NDArray[np.int64],
    fields: npt.NDArray[np.int64],
    values: pyarrow.Array,
) -> npt.NDArray[np.float32]:
    try:
        wide = compute.cast(values, pyarrow.float64(), safe=False)
    except pyarrow.ArrowInvalid:
        for field, text in zip(fields.tolist(), values.to_pylist(), strict=True):
            try:
                pyarrow.array([text]).cast(pyarrow.float64())
            except pyarrow.ArrowInvalid:
                raise _no_number(file, rows[field], column, "is not a number", text) from None
        raise
    numbers = wide.to_numpy(zero_copy_only=False)  # null becomes NaN
    with np.errstate(over="ignore"):
        narrow = numbers.astype(np.float32)
    finite = np.isfinite(narrow)
    if not finite.all():
        first = int(finite.argmin())
        reason = "is not a finite number of 32 bits"
        raise _no_number(file, rows[fields[first]], column, reason, str(values[first].as_py()))
    return narrow


def _no_number(file: str, row: int, column: str, reason: str, text: str) -> ItemTableError:
    return ItemTableError(
        f"{row_problem(file, row, column, reason, text)}. A vector is a list of numbers, "
        "[0.5, -2], or has them between spaces, 0.5 -2. Leave the field empty where an item has "
        "none; if the column has no vectors, name the columns to use."
    )


def _parents(lists: pyarrow.Array) -> npt.NDArray[np.int64]:
    return compute.list_parent_indices(lists).to_numpy(zero_copy_only=False).astype(np.int64)


def _flat(lists: pyarrow.Array) -> pyarrow.Array:
    return compute.list_flatten(lists)


def _is_number(kind: pyarrow.DataType) -> bool:
    return types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)


def _json_list(text: str) -> list[str] | None:
    """The values of a JSON list of single ones as texts; None if the text is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if any(isinstance(value, (list, dict)) for value in found):
        return None
    return ["" if value is None else str(value) for value in found]


def _stripped(fields: npt.NDArray[np.int64], texts: pyarrow.Array) -> Values:
    stripped = compute.utf8_trim_whitespace(texts.cast(pyarrow.large_string()))
    keep = compute.not_equal(stripped, "")
    return Values(fields[keep.to_numpy(zero_copy_only=False)], stripped.filter(keep))
