"""Reads the table of a catalogue, one row an item, in batches of its columns.

The table is in any form that an event log may have and that names its columns, packed or not: text
with separators and a header, JSON lines, or Parquet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow
from pyarrow import types

from mclrec_tf.data.event_log.events import EventLogError, damaged, row_problem
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
from mclrec_tf.data.event_log.formats.text_blocks import BLOCK_BYTES, TextBlocks
from mclrec_tf.data.event_log.formats.text_blocks import texts_of as texts_of_block
from mclrec_tf.data.event_log.log_files import event_log_files, partitions_of
from mclrec_tf.data.event_log.log_format import EventLogFormat
from mclrec_tf.data.event_log.reader import LogFile
from mclrec_tf.data.event_log.values.column_texts import check_exact, column_texts, is_text, plain

_NAMES_SHOWN = 30
_BYTES_THAT_ARE_NOT_UTF8 = re.compile(r"[\ud800-\udfff]")


class ItemTableError(ValueError):
    """The table cannot be used. The message says where, why and what to do."""


class ItemRows(NamedTuple):
    """Some rows of a table.

    Attributes:
        file: The file in which they are.
        id_column: Its column with the ids.
        rows: int64 `[N]`, where each row stands in the file; a header is row 1.
        items: pyarrow large_string `[N]`, the raw ids, "" for none.
        columns: The values by name, as the file has them: `texts_of` makes them texts. Lists in
            JSON lines are the text of a JSON list.
    """

    file: str
    id_column: str
    rows: npt.NDArray[np.int64]
    items: pyarrow.Array
    columns: dict[str, pyarrow.Array]


def read_item_rows(
    path: str | PathLike[str],
    columns: Sequence[str] | None = None,
    item_column: str = "item_id",
    lists: bool = False,
) -> Iterator[ItemRows]:
    """Yields the rows of a table.

    Args:
        path: The table: a file, a folder or a glob pattern, as for `event_log_files`.
        columns: The names of the columns to read, of single values and perhaps of lists. None, the
            default, are all, of any type.
        item_column: The name of the column with the raw item ids. If a file has no column of this
            name, its first one has them.
        lists: Whether a list is a value. By default it is refused.

    Raises:
        ItemTableError: A file is missing, damaged or no table; it lacks a column; or a row is not
            UTF-8 or has more fields than the header, or fewer.
    """
    try:
        for file in event_log_files(path):
            yield from _rows_of(file, columns, item_column, lists)
    except EventLogError as error:
        raise ItemTableError(str(error)) from error


def texts_of(
    file: str, column: str, rows: npt.NDArray[np.int64], array: pyarrow.Array
) -> pyarrow.Array:
    """The values of a column as pyarrow large_string; what is empty or null is "".

    Args:
        file, column, rows: Where the values stand, for messages.
        array: The values.

    Raises:
        ItemTableError: A value is not UTF-8, or a number too large for its type.
    """
    array = plain(array)
    try:
        check_exact(file, column, array)
    except EventLogError as error:
        raise ItemTableError(str(error)) from error
    if is_text(array.type):
        try:
            # By way of bytes, as string columns may hold bytes that are not UTF-8.
            texts = array.cast(pyarrow.large_binary()).cast(pyarrow.large_string())
            return texts.fill_null("")
        except pyarrow.ArrowInvalid:
            pass  # which row it is, is found below
    values = column_texts(array)
    for row, text in zip(rows, values, strict=True):
        if not text.isprintable() and _BYTES_THAT_ARE_NOT_UTF8.search(text):
            problem = row_problem(file, row, column, "is not UTF-8", text)
            raise ItemTableError(
                f"{problem}. Text in another encoding becomes UTF-8 by iconv, for example "
                "iconv -f latin1 -t utf-8."
            )
    return pyarrow.array(values, pyarrow.large_string())


@dataclass(frozen=True)
class _ItemTableFormat(EventLogFormat):
    """How the columns of a table are called: no user and no time, but others."""

    others: tuple[str, ...] = ()
    with_lists: bool = False

    @property
    def roles(self) -> tuple[str, ...]:
        return (self.item_column,)

    @property
    def needed(self) -> list[str]:
        return [self.item_column, *self.others]

    @property
    def lists(self) -> tuple[str, ...]:
        return self.others if self.with_lists else ()


def _rows_of(
    file: str, columns: Sequence[str] | None, item_column: str, lists: bool
) -> Iterator[ItemRows]:
    present = _column_names(file, columns or (), item_column)
    id_column = item_column if item_column in present else present[0]
    is_named = columns is not None
    if columns is None:
        columns = [name for name in dict.fromkeys(present) if name != id_column]
    _check_names(file, id_column, present, columns)
    # A table has no user; the name of that column is never looked up.
    others = tuple(columns)
    format = _ItemTableFormat(
        id_column, id_column, timestamp_column="", others=others, with_lists=lists
    )
    for batch in LogFile(file, format).raw_batches():
        if batch.problems:
            raise ItemTableError(f"{batch.problems[0]}. Correct the row.")
        try:
            items = texts_of(file, id_column, batch.rows, batch.columns[id_column])
            values = {name: plain(batch.columns[name]) for name in others}
        except pyarrow.ArrowException as error:  # values that damaged pages refer to
            raise damaged(file, batch.rows[0], error) from error
        for name, array in values.items() if is_named else ():
            if types.is_nested(array.type) and not (lists and is_list(array.type)):
                raise ItemTableError(
                    f"{file}: the values in column {name!r} are of type {array.type}. Write them "
                    f"as numbers or strings{', or as lists of them' if lists else ''}."
                )
        yield ItemRows(file, id_column, batch.rows, items, values)


def is_list(kind: pyarrow.DataType) -> bool:
    """Whether values of a type are lists of single values."""
    lists = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    return lists and not types.is_nested(kind.value_type)


def _check_names(file: str, id_column: str, present: list[str], columns: Sequence[str]) -> None:
    """Checks that a file has some columns, each once, and that none of them has the ids."""
    for name in (id_column, *columns):
        if name not in present:
            more = len(present) - _NAMES_SHOWN
            raise ItemTableError(
                f"{file}: has no column {name!r}. Its columns are: "
                f"{', '.join(map(repr, present[:_NAMES_SHOWN]))}"
                f"{f' and {more:,} more' if more > 0 else ''}."
            )
        if present.count(name) > 1:
            raise ItemTableError(
                f"{file}: names the column {name!r} {present.count(name)} times. Rename the "
                "columns in the file so that it stands there once."
            )
    if id_column in columns:
        raise ItemTableError(
            f"{file}: {id_column!r} is the column with the ids of the items. Name one that tells "
            "more of them; the ids stand in the first column, or in that of the log's name for "
            "them."
        )
    if not columns:
        raise ItemTableError(
            f"{file}: has one column only, {id_column!r}, and so tells nothing of the items."
        )


def _column_names(file: str, named: Sequence[str], item_column: str) -> list[str]:
    """The names of a file's columns. A header is split so that it has those that are named."""
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
            head = TextBlocks(file, data).head()
            lines = readable_lines(file, head, EventLogFormat())
    except CANNOT_READ as error:
        raise ItemTableError(
            f"{file}: cannot be read: {error}. If the file is damaged or incomplete, copy or "
            "compress it again."
        ) from error
    if lines[0].lstrip().startswith("{"):
        names = [*first_values(texts_of_block(head))[0], *folders]
        if len(head) < BLOCK_BYTES // 2:
            return names
        # What is empty in the first objects may be named in a later one.
        return list(dict.fromkeys([*names, *named]))
    table = table_with_header(lines[0], {*named} or {item_column})
    if table:
        return [*table.names, *folders]
    fields = (split_line(lines[0], each, has_quotes(each)) for each in SEPARATORS)
    return [*max(fields, key=len), *folders]
