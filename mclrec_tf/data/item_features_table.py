"""Reads the features of items from the table of a catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike

import numpy as np
import numpy.typing as npt
import pyarrow
from pyarrow import compute

from mclrec_tf.arguments import path_text
from mclrec_tf.data.item_column_kinds import TableColumns
from mclrec_tf.data.item_feature_columns import (
    EMPTY,
    CategoryColumn,
    FeatureColumn,
    VectorColumn,
)
from mclrec_tf.data.item_features import ItemFeatures
from mclrec_tf.data.item_table_rows import ItemRows, ItemTableError, read_item_rows

_SHOWN = 3


@dataclass(frozen=True)
class ItemTableReport:
    """What a table holds.

    Attributes:
        path: Where the table is.
        known: How many items of the catalogue it has.
        new: How many items it adds to the catalogue.
        missing: How many items of the catalogue it lacks.
        first_missing: The first of them.
        alike: How many items that it adds have an id of another one, but written otherwise: with
            spaces at its ends, zeros before it, or `.0` after it.
        first_alike: The ids of the first of them and of the other item.
        used: What each column that is used holds, in words, by name.
        left_out: Why others are not used, by name; empty if the columns were named.
    """

    path: str
    known: int
    new: int
    missing: int
    first_missing: tuple[str, ...]
    alike: int = 0
    first_alike: tuple[str, ...] = ()
    used: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

    def sentences(self) -> list[str]:
        """What a person should know of it."""
        counts = f"{_items(self.known)} with events and {_items(self.new)} without"
        if not self.known:  # Nothing is known of events.
            counts = _items(self.new)
        found = [f"{self.path}: {counts}. {self.columns_in_words()}"]
        if self.missing:
            more = ", …" if self.missing > len(self.first_missing) else ""
            found.append(
                f"{self.path}: lacks {_items(self.missing)} with events, which therefore have no "
                "features: "
                f"{', '.join(map(repr, self.first_missing))}{more}."
            )
        if self.alike:
            new, other = self.first_alike
            found.append(
                f"{self.path}: {_items(self.alike)} may be another one with its id written "
                f"otherwise, such as {new!r} beside {other!r}: they count as two. Write the ids "
                "alike, and as in the log."
            )
        return found

    def columns_in_words(self) -> str:
        """Which columns are used, and which are not."""
        used = ", ".join(f"{name} ({what})" for name, what in self.used.items())
        others = ", ".join(f"{name} ({why})" for name, why in self.left_out.items())
        return f"Features: {used}.{f' Left out: {others}.' if others else ''}"


def read_item_features(
    path: str | PathLike[str],
    item_ids: Sequence[str],
    categories: Sequence[str] | None = None,
    vectors: Sequence[str] | None = None,
    item_column: str = "item_id",
) -> tuple[ItemFeatures, list[str], ItemTableReport]:
    """Reads the features of a catalogue's items, and adds the table's other items to it.

    The values of a category that has several are separated by `|`, or are a list. A vector is a
    list of numbers, or has them between spaces. What is empty is a feature that an item lacks.

    Args:
        path: The table: a file, a folder or a glob pattern, as for `event_log_files`, in any form
            that names its columns. Each item has one row; rows that repeat another are left out.
        item_ids: The raw ids of the items that have events, by id from 1.
        categories: The names of categorical columns.
        vectors: The names of columns of vectors. If neither is given, all columns are used but the
            ids, those that are empty or say the same of all items, and those, such as titles,
            where most items have a value that no other item has; `TableColumns` tells which of
            them have vectors.
        item_column: The name of the column with the raw ids. If a file has no column of this name,
            its first one has them.

    Returns:
        The features; the raw ids of all items, which are `item_ids` and then the table's others in
        its order; and a report.

    Raises:
        ItemTableError: The table cannot be used, or has none of the items. The message names file,
            row and column, and says what to do.

    Example:
        >>> from mclrec_tf.data.item_features_table import read_item_features
        >>> import pathlib, tempfile
        >>> table = pathlib.Path(tempfile.mkdtemp(), "films.csv")
        >>> _ = table.write_text("item_id,genres,look\\nup,drama|comedy,0 1\\nold,drama,1 .5\\n")
        >>> features, items, report = read_item_features(table, ["old"])
        >>> items, features.categories["genres"].of_item(2), features.vectors["look"].tolist()
        (['old', 'up'], ('comedy', 'drama'), [[0.0, 0.0], [1.0, 0.5], [0.0, 1.0]])
    """
    path = path_text("path", path)
    is_named = categories is not None or vectors is not None
    names = [*(categories or ()), *(vectors or ())]
    if is_named and (not names or len({*names}) < len(names)):
        raise ItemTableError(
            f"{path}: name at least one column of categories or vectors, and each once, got "
            f"{', '.join(names) or 'none'}."
        )
    rows, columns, left_out = _read(path, categories, vectors, item_column)
    numbers, all_items = _numbered(rows.ids(), item_ids)
    known = len(np.unique(numbers[numbers <= len(item_ids)]))
    if item_ids and not known:
        raise ItemTableError(
            f"{path}: none of its ids, such as {rows.ids()[0].as_py()!r}, is an item of the "
            f"catalogue, where one is {item_ids[0]!r}. Name the table of this catalogue, with the "
            "ids written as there, in its first column or in that of the log's name for them."
        )
    first = _first_rows(numbers, len(all_items))
    for column in columns.values():
        column.check_repeated(numbers, first, rows.place)
    left_out |= _useless(path, columns, first, is_named)
    used = {name: column for name, column in columns.items() if name not in left_out}
    if not used:
        why = ", ".join(f"{name} ({reason})" for name, reason in left_out.items())
        raise ItemTableError(
            f"{path}: no column tells anything of the items: {why}. Name the columns to use."
        )
    missing = np.flatnonzero(first[1 : len(item_ids) + 1] < 0)
    alike = _alike(all_items, len(item_ids))
    report = ItemTableReport(
        path,
        known,
        len(all_items) - len(item_ids),
        len(missing),
        tuple(item_ids[index] for index in missing[:_SHOWN]),
        len(alike),
        alike[0] if alike else (),
        {name: column.in_words() for name, column in used.items()},
        left_out,
    )
    features = ItemFeatures(
        {n: c.categories(first) for n, c in used.items() if isinstance(c, CategoryColumn)},
        {n: c.vectors(first) for n, c in used.items() if isinstance(c, VectorColumn)},
        # Without a catalogue, nothing is known of events.
        num_cold=len(all_items) - len(item_ids) if item_ids else 0,
    )
    return features, all_items, report


def _read(
    path: str, categories: Sequence[str] | None, vectors: Sequence[str] | None, item_column: str
) -> tuple[_Rows, dict[str, FeatureColumn], dict[str, str]]:
    """All rows, the columns that may be features, and why others are none."""
    names = [*(categories or ()), *(vectors or ())] or None
    columns = TableColumns(path, categories, vectors)
    rows = _Rows()
    for part in read_item_rows(path, names, item_column, lists=True):
        _check_ids(part)
        rows.add(part)
        columns.add(part)
    if not rows.count:
        raise ItemTableError(f"{path}: has no item. Give a table with one row an item.")
    return rows, columns.finish(), columns.left_out


def _useless(
    path: str, columns: Mapping[str, FeatureColumn], first: npt.NDArray[np.int64], is_named: bool
) -> dict[str, str]:
    """Why columns that nobody named tell nothing; what was named is used unless it is empty."""
    found = {name: why for name, column in columns.items() if (why := column.why_useless(first))}
    if not is_named:
        return found
    empty = [name for name, why in found.items() if why == EMPTY]
    if empty:
        raise ItemTableError(
            f"{path}: the column {empty[0]!r} holds nothing for any item. Name another column or "
            "file."
        )
    return {}


class _Rows:
    """The ids of all rows, and where each row stands."""

    def __init__(self) -> None:
        self._parts: list[ItemRows] = []
        self._begins: list[int] = []
        self.count = 0

    def add(self, part: ItemRows) -> None:
        self._parts.append(part._replace(columns={}))
        self._begins.append(self.count)
        self.count += len(part.rows)

    def ids(self) -> pyarrow.Array:
        return pyarrow.concat_arrays([part.items for part in self._parts])

    def place(self, index: int) -> tuple[str, int, str]:
        """File, row and id of the row of an index."""
        which = int(np.searchsorted(self._begins, index, side="right")) - 1
        part, at = self._parts[which], index - self._begins[which]
        return part.file, int(part.rows[at]), part.items[at].as_py()


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count:,} items"


def _check_ids(part: ItemRows) -> None:
    bad = compute.match_substring_regex(part.items, "^$|[\n\r\\x00]")
    if compute.any(bad).as_py():
        at = bad.index(True).as_py()
        problem = "is empty" if part.items[at].as_py() == "" else "holds a line break or NUL"
        raise ItemTableError(
            f"{part.file}, row {part.rows[at]}, column {part.id_column}: the id {problem}. Give "
            "each row the id of its item, or remove the row."
        )


def _numbered(
    ids: pyarrow.Array, item_ids: Sequence[str]
) -> tuple[npt.NDArray[np.int64], list[str]]:
    """The item of each row, and the raw ids of all items."""
    catalogue = pyarrow.array(item_ids, pyarrow.large_string())
    others = ids.filter(compute.invert(compute.is_in(ids, catalogue))).unique()
    everything = pyarrow.concat_arrays([catalogue, others])
    numbers = compute.index_in(ids, everything).to_numpy(zero_copy_only=False)
    return numbers.astype(np.int64) + 1, everything.to_pylist()


def _alike(all_items: list[str], num_known: int) -> list[tuple[str, str]]:
    """The items from a number on that have the id of an earlier one, but written otherwise."""
    plain = compute.utf8_trim_whitespace(pyarrow.array(all_items, pyarrow.large_string()))
    plain = compute.replace_substring_regex(plain, "^0*([0-9]+)(\\.0+)?$", "\\1")
    codes = plain.dictionary_encode().indices.to_numpy()
    earlier = np.unique(codes, return_index=True)[1][codes]
    again = np.flatnonzero(earlier < np.arange(len(codes)))
    return [(all_items[n], all_items[earlier[n]]) for n in again.tolist() if n >= num_known]


def _first_rows(numbers: npt.NDArray[np.int64], num_items: int) -> npt.NDArray[np.int64]:
    """The index of the first row of each item, -1 for one without a row, and for the padding."""
    first = np.full(num_items + 1, -1, np.int64)
    items, rows = np.unique(numbers, return_index=True)
    first[items] = rows
    return first
