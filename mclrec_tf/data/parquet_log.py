"""Event logs in Parquet files, read in batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mclrec_tf.data.events import (
    Event,
    EventLogError,
    EventLogFormat,
    RowProblem,
    checked_event,
    find_columns,
)
from mclrec_tf.data.open_log import open_bytes

if TYPE_CHECKING:
    import pyarrow

_BATCH_ROWS = 1 << 16


def read_parquet(path: str, format: EventLogFormat) -> Iterator[Event | RowProblem]:
    """Yields the events of a Parquet file. The row of a problem counts from 1: it has no header."""
    import pyarrow
    from pyarrow import parquet

    row = 0
    with open_bytes(path) as data:
        try:
            file = parquet.ParquetFile(data)
            find_columns(path, file.schema_arrow.names, format)
            _check_types(path, file.schema_arrow, format)
            batches = file.iter_batches(_BATCH_ROWS, columns=list(format.columns))
            for batch in batches:
                user_ids, item_ids, *times = (_texts(batch[name]) for name in format.columns)
                rows = range(row + 1, row + 1 + len(user_ids))
                when = times[0] if times else map(str, rows)
                for row, user_id, item_id, time in zip(rows, user_ids, item_ids, when, strict=True):
                    yield checked_event(path, row, format, user_id, item_id, time)
        except (pyarrow.ArrowException, OSError) as error:
            raise EventLogError(
                f"{path}: row {row + 1} and all that follow cannot be read: {error}. The file is "
                "damaged or not Parquet; copy or write it again."
            ) from error
    if row == 0:
        raise EventLogError(f"{path}: the file is empty: it has no rows.")


def _check_types(path: str, schema: pyarrow.Schema, format: EventLogFormat) -> None:
    from pyarrow import types

    for name in (format.user_column, format.item_column):
        kind = _value_type(schema.field(name).type)
        if not (types.is_integer(kind) or _is_text(kind)):
            raise EventLogError(
                f"{path}: the ids in column {name!r} are of type {kind}. Write them as integers "
                "or strings."
            )
    if format.timestamp_column:
        kind = _value_type(schema.field(format.timestamp_column).type)
        number = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
        if not (number or types.is_timestamp(kind) or _is_text(kind)):
            raise EventLogError(
                f"{path}: the times in column {format.timestamp_column!r} are of type {kind}. "
                "Write them as integers, or as timestamps."
            )


def _texts(array: pyarrow.Array) -> list[str]:
    """The values as a text file would hold them; null is the empty text."""
    import pyarrow
    from pyarrow import types

    if types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if types.is_timestamp(array.type):
        array = array.cast(pyarrow.int64())
    if not _is_text(array.type):
        array = array.cast(pyarrow.string())
    # By way of bytes, as string columns may hold bytes that are not UTF-8.
    values = array.cast(pyarrow.large_binary()).to_numpy(zero_copy_only=False).tolist()
    return ["" if value is None else value.decode("utf-8", "surrogateescape") for value in values]


def _value_type(kind: pyarrow.DataType) -> pyarrow.DataType:
    from pyarrow import types

    return kind.value_type if types.is_dictionary(kind) else kind


def _is_text(kind: pyarrow.DataType) -> bool:
    from pyarrow import types

    return (
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_binary(kind)
        or types.is_large_binary(kind)
    )
