"""Columns of features as they grow with the rows of a table, and what becomes of them."""

from __future__ import annotations

import abc
from collections.abc import Callable
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow
from pyarrow import compute

from mclrec_tf.data.item_feature_values import split_numbers, split_values
from mclrec_tf.data.item_features import ItemCategories
from mclrec_tf.data.item_table_rows import ItemTableError

EMPTY, _ALIKE = "is empty", "says the same of all items"
_OWN = "most items have a value of their own"

Place = Callable[[int], tuple[str, int, str]]


class FeatureColumn(abc.ABC):
    """A column of a table. Rows have an index from 0, through all files.

    Args:
        name: Its name.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._rows = 0

    @abc.abstractmethod
    def add(self, file: str, rows: npt.NDArray[np.int64], array: pyarrow.Array) -> None:
        """Adds rows of a file.

        Raises:
            ItemTableError: A field cannot be read.
        """

    @abc.abstractmethod
    def why_useless(self, first: npt.NDArray[np.int64]) -> str:
        """Why the column tells nothing of the items; "" if it does.

        Args:
            first: The index of the first row of each item, -1 for one without a row.
        """

    @abc.abstractmethod
    def in_words(self) -> str:
        """What the column holds."""

    @abc.abstractmethod
    def _differ(
        self, rows: npt.NDArray[np.int64], others: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_]:
        """Whether two rows hold different values, for pairs of them."""

    def check_repeated(
        self, numbers: npt.NDArray[np.int64], first: npt.NDArray[np.int64], place: Place
    ) -> None:
        """Checks that rows of the same item agree.

        Args:
            numbers: The item of each row.
            first: As for `why_useless`.
            place: Finds file, row and id of the row of an index.

        Raises:
            ItemTableError: They do not.
        """
        repeated = np.flatnonzero(first[numbers] != np.arange(len(numbers)))
        earlier = first[numbers[repeated]]
        different = np.flatnonzero(self._differ(repeated, earlier))
        if len(different):
            file, row, item = place(int(repeated[different[0]]))
            earlier_file, earlier_row, _ = place(int(earlier[different[0]]))
            raise ItemTableError(
                f"{file}, row {row}, column {self.name}: the item {item!r} has other values here "
                f"than in {earlier_file}, row {earlier_row}. Give each item one row."
            )


class CategoryColumn(FeatureColumn):
    """A column with the values of a category.

    Args:
        name: Its name.
        may_be_vectors: Whether its fields could also be vectors of whole numbers.
    """

    def __init__(self, name: str, may_be_vectors: bool = False) -> None:
        super().__init__(name)
        self._may_be_vectors = may_be_vectors
        self._fields: list[npt.NDArray[np.int64]] = []
        self._values: list[pyarrow.Array] = []

    def add(self, file: str, rows: npt.NDArray[np.int64], array: pyarrow.Array) -> None:
        found = split_values(file, self.name, rows, array)
        self._fields.append(found.fields + self._rows)
        self._values.append(found.values)
        self._rows += len(rows)

    @cached_property
    def _pairs(self) -> tuple[list[str], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The distinct values in order, and (row, id of a value) of all that the rows hold."""
        encoded = pyarrow.concat_arrays(self._values).dictionary_encode()
        order = compute.sort_indices(encoded.dictionary).to_numpy()
        ids = np.argsort(order)[encoded.indices.to_numpy(zero_copy_only=False)]
        values = encoded.dictionary.take(pyarrow.array(order)).to_pylist()
        count = max(len(values), 1)
        pairs = np.unique(np.concatenate(self._fields) * count + ids.astype(np.int64))
        return values, pairs // count, pairs % count

    def categories(self, first: npt.NDArray[np.int64]) -> ItemCategories:
        """The values of each item.

        Args:
            first: As for `why_useless`.
        """
        values, items, ids = self._of_items(first)
        order = np.lexsort((ids, items))
        counts = np.bincount(items, minlength=len(first))
        splits = np.concatenate([[0], np.cumsum(counts)])
        return ItemCategories(tuple(values), ids[order].astype(np.int32), splits.astype(np.int64))

    def why_useless(self, first: npt.NDArray[np.int64]) -> str:
        values, _, ids = self._of_items(first)
        if not len(ids):
            return EMPTY
        if len(values) == 1 and len(ids) == np.count_nonzero(first >= 0):
            return _ALIKE
        alone = np.count_nonzero(np.bincount(ids) == 1)
        if 2 * alone <= len(ids):
            return ""
        return f"{_OWN}; name it if these are vectors" if self._may_be_vectors else _OWN

    def in_words(self) -> str:
        values = self._pairs[0]
        return f"a category of {len(values):,} value{'s' * (len(values) != 1)}"

    def _of_items(
        self, first: npt.NDArray[np.int64]
    ) -> tuple[list[str], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The values, and (item, id of a value) of all that the items have."""
        values, rows, ids = self._pairs
        item_of = np.zeros(self._rows, np.int64)
        items = np.flatnonzero(first >= 0)
        item_of[first[items]] = items
        keep = item_of[rows] > 0
        return values, item_of[rows][keep], ids[keep]

    def _differ(
        self, rows: npt.NDArray[np.int64], others: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_]:
        values, of_rows, ids = self._pairs
        # The sum of random numbers of 64 bits, one a value, tells sets of values apart.
        draws = np.random.default_rng(0).integers(2**64, size=max(len(values), 1), dtype=np.uint64)
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(draws[ids], dtype=np.uint64)])
        ends = np.searchsorted(of_rows, np.arange(self._rows + 1))
        of_row = sums[ends[1:]] - sums[ends[:-1]]
        return of_row[rows] != of_row[others]


class VectorColumn(FeatureColumn):
    """A column with vectors."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._width = 0
        self._first_place = ""
        self._has_one: list[npt.NDArray[np.bool_]] = []
        self._numbers: list[npt.NDArray[np.float32]] = []

    def add(self, file: str, rows: npt.NDArray[np.int64], array: pyarrow.Array) -> None:
        found = split_numbers(file, self.name, rows, array)
        has_one = found.counts > 0
        if not self._width and has_one.any():
            self._width = int(found.counts[has_one.argmax()])
            self._first_place = f"{file}, row {rows[has_one.argmax()]}"
        other = has_one & (found.counts != self._width)
        if other.any():
            at = int(other.argmax())
            raise ItemTableError(
                f"{file}, row {rows[at]}, column {self.name}: the vector has {found.counts[at]} "
                f"numbers, but that of {self._first_place} has {self._width}. Give all vectors of "
                "a column the same width, and leave the field empty where an item has none; if the "
                "column has no vectors, name the columns to use."
            )
        self._has_one.append(has_one)
        self._numbers.append(found.numbers)
        self._rows += len(rows)

    @cached_property
    def _table(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Which vector each row has, 0 for none, and the vectors, of which the first is zeros."""
        has_one = np.concatenate(self._has_one)
        which = np.where(has_one, np.cumsum(has_one), 0)
        numbers = np.concatenate([np.zeros(self._width, np.float32), *self._numbers])
        self._numbers.clear()
        return which, numbers.reshape(-1, self._width)

    def vectors(self, first: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """The vector of each item, float32 `[num_items + 1, width]`; zeros where there is none.

        Args:
            first: As for `why_useless`.
        """
        which, table = self._table
        return table[np.where(first >= 0, which[first], 0)]

    def why_useless(self, first: npt.NDArray[np.int64]) -> str:
        if not self._width:
            return EMPTY
        vectors = self.vectors(first)[first >= 0]
        return _ALIKE if (vectors == vectors[0]).all() else ""

    def in_words(self) -> str:
        return f"vectors of {self._width:,} number{'s' * (self._width != 1)}"

    def _differ(
        self, rows: npt.NDArray[np.int64], others: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_]:
        if not self._width:
            return np.zeros(len(rows), bool)
        which, table = self._table
        return (table[which[rows]] != table[which[others]]).any(axis=1)
