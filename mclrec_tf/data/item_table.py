"""Reads a column of the table of a catalogue: one row an item, with its id, its title and more.

The table is in any form that an event log may have and that names its columns, packed or not: text
with separators and a header, JSON lines, or Parquet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from os import PathLike

import pyarrow

from mclrec_tf.arguments import path_text
from mclrec_tf.data.event_log.events import EventLogError, RawBatch, damaged, row_problem
from mclrec_tf.data.event_log.file_kind import (
    SEPARATORS,
    has_quotes,
    readable_lines,
    split_line,
    table_with_header,
)
from mclrec_tf.data.event_log.formats.json_lines import first_values
from mclrec_tf.data.event_log.formats.packed_files import CANNOT_READ, open_unpacked, seekable
from mclrec_tf.data.event_log.formats.parquet import damaged_parquet, is_parquet
from mclrec_tf.data.event_log.formats.text_blocks import TextBlocks
from mclrec_tf.data.event_log.log_files import event_log_files, partitions_of
from mclrec_tf.data.event_log.log_format import EventLogFormat
from mclrec_tf.data.event_log.reader import LogFile
from mclrec_tf.data.event_log.values.column_texts import check_exact, column_texts, plain

_NAMES_SHOWN = 30
_BYTES_THAT_ARE_NOT_UTF8 = re.compile(r"[\ud800-\udfff]")


class ItemTableError(ValueError):
    """The table cannot be used. The message says where, why and what to do."""


@dataclass(frozen=True)
class ItemColumn:
    """A column of the table.

    Attributes:
        path: Where the table is.
        name: The name of the column.
        values: What stands there, by raw item id, without what is empty.
        empty_rows: The number of rows without an id or a value.
        first_empty: Where the first of them is; "" if there is none.
    """

    path: str
    name: str
    values: dict[str, str] = field(repr=False)
    empty_rows: int
    first_empty: str


def read_item_column(
    path: str | PathLike[str], column: str, item_column: str = "item_id"
) -> ItemColumn:
    """Reads one column of the table of a catalogue.

    Args:
        path: The table: a file, a folder or a glob pattern, as for `event_log_files`.
        column: The name of the column.
        item_column: The name of the column with the raw item ids. If the table has no column of
            this name, its first one has them.

    Raises:
        ItemTableError: A file is missing, damaged or no table; it lacks the column; a row is not
            UTF-8 or has more fields than the header, or fewer; an item has two different values; or
            there is no value at all.

    Example:
        >>> from mclrec_tf.data.item_table import read_item_column
        >>> import pathlib, tempfile
        >>> table = pathlib.Path(tempfile.mkdtemp(), "items.csv")
        >>> _ = table.write_text("item_id,title\\ntea,Green tea\\njam,\\n")
        >>> found = read_item_column(table, "title")
        >>> found.values, found.empty_rows
        ({'tea': 'Green tea'}, 1)
    """
    path = path_text("path", path)
    values: dict[str, str] = {}
    empty_rows, first_empty = 0, ""
    try:
        for file in event_log_files(path):
            for row, item, value in _rows(file, column, item_column):
                if not item or not value.strip():
                    first_empty = first_empty or f"{file}, row {row}"
                    empty_rows += 1
                elif values.setdefault(item, value) != value:
                    raise ItemTableError(
                        f"{file}, row {row}, column {column}: the item {item!r} has "
                        f"{value[:80]!r} here and {values[item][:80]!r} in an earlier row. Give "
                        "each item one row."
                    )
    except EventLogError as error:
        raise ItemTableError(str(error)) from error
    if not values:
        raise ItemTableError(
            f"{path}: the column {column!r} holds nothing for any item. Name another column "
            "or file."
        )
    return ItemColumn(path, column, values, empty_rows, first_empty)


def _rows(file: str, column: str, item_column: str) -> Iterator[tuple[int, str, str]]:
    """(row, item id, value) of each row, "" for what is empty."""
    id_column = _id_column(file, column, item_column)
    # Of a log these would be the user and the item; there is no time.
    format = EventLogFormat(column, id_column, timestamp_column="")
    for batch in LogFile(file, format).raw_batches():
        if batch.problems:
            raise ItemTableError(f"{batch.problems[0]}. Correct the row.")
        try:
            items, values = (_texts(file, name, batch) for name in (id_column, column))
        except pyarrow.ArrowException as error:  # values that damaged pages refer to
            raise damaged(file, batch.rows[0], error) from error
        yield from zip(batch.rows.tolist(), items, values, strict=True)


def _texts(file: str, name: str, batch: RawBatch) -> list[str]:
    array = plain(batch.columns[name])
    check_exact(file, name, array)
    texts = column_texts(array)
    for row, text in zip(batch.rows, texts, strict=True):
        if not text.isprintable() and _BYTES_THAT_ARE_NOT_UTF8.search(text):
            problem = row_problem(file, row, name, "is not UTF-8", text)
            raise ItemTableError(
                f"{problem}. Text in another encoding becomes UTF-8 by iconv, for example "
                "iconv -f latin1 -t utf-8."
            )
    return texts


def _id_column(file: str, column: str, item_column: str) -> str:
    """The column with the ids, in a file that does have the other one."""
    names = _column_names(file, column)
    if column not in names:
        more = f" and {len(names) - _NAMES_SHOWN:,} more" if len(names) > _NAMES_SHOWN else ""
        raise ItemTableError(
            f"{file}: has no column {column!r}. Its columns are: "
            f"{', '.join(map(repr, names[:_NAMES_SHOWN]))}{more}."
        )
    found = item_column if item_column in names else names[0]
    if found == column:
        raise ItemTableError(
            f"{file}: {column!r} is the column with the ids of the items. Name one that tells more "
            "of them; the ids stand in the first column, or in that of the log's name for them."
        )
    return found


def _column_names(file: str, column: str) -> list[str]:
    """The names of a file's columns. A header is split so that it has the one looked for."""
    folders = list(partitions_of(file))
    try:
        with open_unpacked(file) as data:
            if is_parquet(data):
                from pyarrow import parquet

                try:
                    with seekable(data) as source:
                        return [*parquet.ParquetFile(source).schema_arrow.names, *folders]
                except (pyarrow.ArrowException, OSError) as error:
                    raise damaged_parquet(file, 1, error) from error
            lines = readable_lines(file, TextBlocks(file, data).head(), EventLogFormat())
    except CANNOT_READ as error:
        raise ItemTableError(
            f"{file}: cannot be read: {error}. If the file is damaged or incomplete, copy or "
            "compress it again."
        ) from error
    if lines[0].lstrip().startswith("{"):
        return [*first_values(lines)[0], *folders]
    table = table_with_header(lines[0], {column})
    if table:
        return [*table.names, *folders]
    fields = (split_line(lines[0], each, has_quotes(each)) for each in SEPARATORS)
    return [*max(fields, key=len), *folders]
