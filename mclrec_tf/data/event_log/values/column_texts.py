"""The values of a typed column as a text file would hold them."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from mclrec_tf.data.event_log.events import EventLogError

if TYPE_CHECKING:
    import pyarrow

_UUID_BYTES = 16
_VIEWS = ("string_view", "binary_view")


def column_texts(array: pyarrow.Array) -> list[str]:
    """The values as texts; null is the empty text, bytes that are not UTF-8 are surrogates.

    A whole number in a column of fractions loses its `.0`: the column's type made it, not the log.

    Example:
        >>> from mclrec_tf.data.event_log.values.column_texts import column_texts
        >>> import pyarrow
        >>> column_texts(pyarrow.array([12.0, 0.5, None]))
        ['12', '0.5', '']
    """
    import pyarrow
    from pyarrow import types

    array = plain(array)
    if is_text(array.type):
        # By way of bytes, as string columns may hold bytes that are not UTF-8.
        values = array.cast(pyarrow.large_binary()).to_numpy(zero_copy_only=False).tolist()
        return [
            "" if value is None else value.decode("utf-8", "surrogateescape") for value in values
        ]
    if types.is_timestamp(array.type):
        array = array.cast(pyarrow.timestamp(array.type.unit)).cast(pyarrow.string())
    if types.is_integer(array.type) or types.is_boolean(array.type) or types.is_date(array.type):
        array = array.cast(pyarrow.string())
    values = array.to_pylist()
    if types.is_float32(array.type):
        # The shortest number that is this one in 32 bits: 0.7, not 0.699999988.
        values = [None if v is None else float(str(np.float32(v))) for v in values]
    return [_text(value) for value in values]


def check_exact(path: str, column: str, array: pyarrow.Array) -> None:
    """Refuses a column of fractions whose numbers are too large to be told apart in its type.

    Raises:
        EventLogError: Two whole numbers that differ may be the same there.
    """
    from pyarrow import types

    exact_bits = {"float": 24, "halffloat": 11, "double": 53}.get(str(array.type))
    if exact_bits is None or not types.is_floating(array.type):
        return
    values = np.abs(array.drop_null().to_numpy(zero_copy_only=False).astype(np.float64))
    largest = values[np.isfinite(values)].max(initial=0)
    if largest > 2**exact_bits:
        raise EventLogError(
            f"{path}: column {column!r} is of type {array.type}, which cannot tell numbers such as "
            f"{largest:.0f} from their neighbours. Write it as integers or text."
        )


def plain(array: pyarrow.Array) -> pyarrow.Array:
    """The array without a dictionary, without an extension type, and not as a view."""
    import pyarrow
    from pyarrow import types

    if isinstance(array.type, pyarrow.BaseExtensionType):
        array = array.storage
    if types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array.cast(value_type(array.type)) if is_view(array.type) else array


def value_type(kind: pyarrow.DataType) -> pyarrow.DataType:
    """The type of `plain` arrays of a type."""
    import pyarrow
    from pyarrow import types

    if isinstance(kind, pyarrow.BaseExtensionType):
        kind = kind.storage_type
    if types.is_dictionary(kind):
        kind = kind.value_type
    if is_view(kind):
        return pyarrow.large_string() if str(kind) == _VIEWS[0] else pyarrow.large_binary()
    return kind


def is_view(kind: pyarrow.DataType) -> bool:
    """Whether values of a type are texts or bytes in a layout that most of Arrow cannot compute."""
    return str(kind) in _VIEWS  # older versions have no such types


def is_time(kind: pyarrow.DataType) -> bool:
    """Whether values of a type are points in time."""
    from pyarrow import types

    kind = value_type(kind)
    return types.is_timestamp(kind) or types.is_date(kind)


def is_text(kind: pyarrow.DataType) -> bool:
    """Whether values of a type are texts, or bytes that may be."""
    from pyarrow import types

    return (
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_binary(kind)
        or types.is_large_binary(kind)
    )


def _text(value: Any) -> str:
    if value is None or value != value:  # null and NaN
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, Decimal) and value.is_finite():
        whole = value == value.to_integral_value()
        return str(int(value)) if whole else format(value, "f")
    if isinstance(value, bytes) and len(value) == _UUID_BYTES:
        return str(uuid.UUID(bytes=value))
    return str(value)
