"""The values of a typed column as a text file would hold them."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow

_UUID_BYTES = 16


def column_texts(array: pyarrow.Array) -> list[str]:
    """The values as texts; null is the empty text, bytes that are not UTF-8 are surrogates.

    A whole number in a column of fractions loses its `.0`: the column's type made it, not the log.

    Example:
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
    return [_text(value) for value in array.to_pylist()]


def plain(array: pyarrow.Array) -> pyarrow.Array:
    """The array without a dictionary and without an extension type."""
    import pyarrow
    from pyarrow import types

    if isinstance(array.type, pyarrow.BaseExtensionType):
        array = array.storage
    if types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array


def value_type(kind: pyarrow.DataType) -> pyarrow.DataType:
    """The type of `plain` arrays of a type."""
    import pyarrow
    from pyarrow import types

    if isinstance(kind, pyarrow.BaseExtensionType):
        kind = kind.storage_type
    return kind.value_type if types.is_dictionary(kind) else kind


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
