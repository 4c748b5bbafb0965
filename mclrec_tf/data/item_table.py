"""Reads a column of the table of a catalogue, such as the titles of the items."""

from __future__ import annotations

from dataclasses import dataclass, field
from os import PathLike

from mclrec_tf.arguments import path_text
from mclrec_tf.data.item_table_rows import ItemTableError, read_item_rows, texts_of


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
    for part in read_item_rows(path, [column], item_column):
        array = part.columns[column]
        texts = texts_of(part.file, column, part.rows, array).to_pylist()
        for row, item, value in zip(part.rows.tolist(), part.items.to_pylist(), texts, strict=True):
            if not item or not value.strip():
                first_empty = first_empty or f"{part.file}, row {row}"
                empty_rows += 1
            elif values.setdefault(item, value) != value:
                raise ItemTableError(
                    f"{part.file}, row {row}, column {column}: the item {item!r} has "
                    f"{value[:80]!r} here and {values[item][:80]!r} in an earlier row. Give "
                    "each item one row."
                )
    if not values:
        raise ItemTableError(
            f"{path}: the column {column!r} holds nothing for any item. Name another column "
            "or file."
        )
    return ItemColumn(path, column, values, empty_rows, first_empty)
