"""The first rows of a file with all its columns, for a person who does not know them yet."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike
from typing import BinaryIO

from mclrec_tf.arguments import path_text
from mclrec_tf.data.event_log.events import EventLogError
from mclrec_tf.data.event_log.file_kind import FileKind, likely_kind, split_line
from mclrec_tf.data.event_log.formats.json_lines import first_values
from mclrec_tf.data.event_log.formats.packed_files import (
    CANNOT_READ,
    open_unpacked,
    packing_of,
    seekable,
)
from mclrec_tf.data.event_log.formats.parquet import damaged_parquet, is_parquet
from mclrec_tf.data.event_log.formats.text_blocks import TextBlocks, texts_of
from mclrec_tf.data.event_log.log_files import partitions_of
from mclrec_tf.data.event_log.log_format import EventLogFormat
from mclrec_tf.data.event_log.values.column_texts import column_texts

PREVIEW_ROWS = 1000


@dataclass(frozen=True)
class Preview:
    """How a file begins.

    Attributes:
        path: Where it is.
        packing: Gzip, bzip2, xz, Zstandard, zip, or "".
        encoding: Of its text, "" for Parquet.
        kind: How it is read. Of a table without a header `kind.names` are those of the format,
            none if the format has none.
        names: Of its columns, those of the folders (`day=2026-01-31`) last; a column without a
            name has its number, from 1.
        rows: The first rows, at most `PREVIEW_ROWS`, each with a text for every name. Rows of
            another width are left out. Of a list in a JSON object there is the first value.
        types: Of Parquet columns, in the order of the names.
        num_rows: How many rows a Parquet file has.
    """

    path: str
    packing: str
    encoding: str
    kind: FileKind
    names: tuple[str, ...]
    rows: list[tuple[str, ...]]
    types: tuple[str, ...] = ()
    num_rows: int | None = None

    @property
    def is_named(self) -> bool:
        """Whether the file, or the format, has names for the columns."""
        return self.kind.kind in ("json", "parquet") or bool(self.kind.names)

    def column(self, name: str) -> list[str]:
        """The values of a column in `rows`."""
        index = self.names.index(name)
        return [row[index] for row in self.rows]


def preview(path: str | PathLike[str], format: EventLogFormat) -> Preview:
    """Reads how a file begins, whatever its columns are called.

    Args:
        path: A file.
        format: What is known of it: `columns` and `separator` count if they are given.

    Raises:
        EventLogError: It is empty or damaged, or no log of any kind that is known.

    Example:
        >>> from mclrec_tf.data.event_log.log_format import EventLogFormat
        >>> from mclrec_tf.data.event_log.preview import preview
        >>> import pathlib, tempfile
        >>> log = pathlib.Path(tempfile.mkdtemp(), "u.data")
        >>> _ = log.write_text("196\\t242\\t3\\t881250949\\n186\\t302\\t3\\t891717742\\n")
        >>> found = preview(log, EventLogFormat())
        >>> found.kind.separator, found.names, found.rows[0]
        ('\\t', ('1', '2', '3', '4'), ('196', '242', '3', '881250949'))
    """
    path = path_text("path", path)
    partitions = partitions_of(path)
    try:
        with open_unpacked(path) as data:
            packed_with = packing_of(data)
            if is_parquet(data):
                found = _parquet(path, packed_with, data)
            else:
                found = _text(path, packed_with, TextBlocks(path, data), format, partitions)
    except CANNOT_READ as error:
        raise EventLogError(
            f"{path}: cannot be read: {error}. If the file is damaged or incomplete, copy or "
            "compress it again."
        ) from error
    added = {name: value for name, value in partitions.items() if name not in found.names}
    if not added or found.kind.kind == "sequences":
        return found
    return Preview(
        **{
            **vars(found),
            "names": (*found.names, *added),
            "rows": [(*row, *added.values()) for row in found.rows],
            "types": (*found.types, *("name of the folder" for _ in added)) if found.types else (),
        }
    )


def _parquet(path: str, packed_with: str, data: BinaryIO) -> Preview:
    import pyarrow
    from pyarrow import parquet

    try:
        source = seekable(data)
        file = parquet.ParquetFile(source)
        schema = file.schema_arrow
        first = next(file.iter_batches(PREVIEW_ROWS), None)
        columns = [column_texts(column) for column in first.columns] if first else []
        source.close()
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise damaged_parquet(path, 1, error) from error
    return Preview(
        path=path,
        packing=packed_with,
        encoding="",
        kind=FileKind("parquet"),
        names=tuple(schema.names),
        rows=list(zip(*columns, strict=True)),
        types=tuple(str(kind) for kind in schema.types),
        num_rows=file.metadata.num_rows,
    )


def _text(
    path: str,
    packed_with: str,
    blocks: TextBlocks,
    format: EventLogFormat,
    partitions: dict[str, str],
) -> Preview:
    head = blocks.head()
    kind = likely_kind(path, head, format, partitions)
    lines = texts_of(head)
    if kind.kind == "json":
        names, rows = first_values(lines[:PREVIEW_ROWS])
        if not names:
            raise EventLogError(
                f"{path}: row 1 is not a JSON object: {lines[0][:80]!r}. Write one object a line."
            )
    elif kind.kind == "sequences":
        names = (format.user_column, format.item_column + " …")
        rows = [(*(line.split(None, 1)), "")[:2] for line in lines[:PREVIEW_ROWS]]
    else:
        rows = _table_rows(lines[kind.has_header :][:PREVIEW_ROWS], kind)
        names = kind.names or tuple(str(index + 1) for index in range(max(map(len, rows))))
        # Columns that nobody needs are all called "-".
        names = tuple(
            str(index) if name == "-" else name for index, name in enumerate(names, start=1)
        )
        rows = [row for row in rows if len(row) == len(names)]
    return Preview(path, packed_with, blocks.encoding, kind, names, rows)


def _table_rows(lines: Sequence[str], kind: FileKind) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    if len(kind.separator) == 1 and kind.has_quotes:
        with suppress(csv.Error):  # a quote out of place: what stands before it will do
            rows += map(tuple, csv.reader(lines, delimiter=kind.separator, strict=True))
        return rows
    return [tuple(split_line(line, kind.separator, kind.has_quotes)) for line in lines]
