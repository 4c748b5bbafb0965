"""Event logs in Parquet files, read in batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from mclrec_tf.data.event_log.events import EmptyFileError, EventLogError, RawBatch
from mclrec_tf.data.event_log.formats.packed_files import seekable
from mclrec_tf.data.event_log.log_format import EventLogFormat, check_columns
from mclrec_tf.data.event_log.values.column_texts import is_text, is_view, plain, value_type
from mclrec_tf.data.event_log.values.times import check_time_type

if TYPE_CHECKING:
    import pyarrow

_BATCH_ROWS = 1 << 16
_UUID_BYTES = 16


def read_parquet(
    path: str, data: BinaryIO, format: EventLogFormat, partitions: dict[str, str]
) -> Iterator[RawBatch]:
    """Yields the columns that the format needs. Rows count from 1: there is no header."""
    import pyarrow
    from pyarrow import parquet

    row = 0
    try:
        with seekable(data) as source:
            file = parquet.ParquetFile(source)
            names = file.schema_arrow.names
            check_columns(path, names, format, "row 1", partitions)
            _check_types(path, file.schema_arrow, format)
            here = [name for name in format.needed if name in names]
            for batch in file.iter_batches(_BATCH_ROWS, columns=here):
                rows = np.arange(row + 1, row + 1 + batch.num_rows)
                columns = {name: batch[name] for name in here}
                for name, column in columns.items():
                    if is_view(column.type):
                        columns[name] = plain(column)
                yield RawBatch(columns, rows, [])
                row += batch.num_rows
    except (pyarrow.ArrowException, OSError) as error:
        raise damaged_parquet(path, row + 1, error) from error
    if row == 0:
        raise EmptyFileError(f"{path}: the file is empty: it has no rows.")


def is_parquet(data: BinaryIO) -> bool:
    """Whether bytes that `open_unpacked` has opened are those of a Parquet file."""
    return data.peek(4)[:4] == b"PAR1"  # type: ignore[attr-defined]


def damaged_parquet(path: str, row: int, error: Exception) -> EventLogError:
    """The error of a Parquet file that can be read up to a row only."""
    return EventLogError(
        f"{path}: row {row} and all that follow cannot be read: {error}. The file is damaged or "
        "not Parquet; copy or write it again."
    )


def _check_types(path: str, schema: pyarrow.Schema, format: EventLogFormat) -> None:
    from pyarrow import types

    for name in (format.user_column, format.item_column):
        if name not in schema.names:
            continue
        kind = value_type(schema.field(name).type)
        number = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
        is_uuid = types.is_fixed_size_binary(kind) and kind.byte_width == _UUID_BYTES
        if not (number or is_text(kind) or is_uuid or types.is_null(kind)):
            raise EventLogError(
                f"{path}: the values in column {name!r} are of type {kind}. Write them as integers "
                "or strings."
            )
    if format.timestamp_column in schema.names:
        kind = schema.field(format.timestamp_column).type
        check_time_type(path, format.timestamp_column, kind)
