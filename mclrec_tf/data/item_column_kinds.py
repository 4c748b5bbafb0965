"""Tells which columns of the table of a catalogue hold vectors, and fills all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow
from pyarrow import compute, types

from mclrec_tf.data.item_feature_columns import EMPTY, CategoryColumn, FeatureColumn, VectorColumn
from mclrec_tf.data.item_table_rows import ItemRows, ItemTableError, is_list, texts_of

_LOOKED_AT = 1000  # fields that tell whether a column of texts has vectors
# With what a vector should not have, so that it is refused there instead of taken for a category.
_NUMBER = r"([-+]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]+)?|[-+]?nan|[-+]?inf(inity)?|\.\.\.)"
_BETWEEN = r"(\s*[,;]\s*|\s+)"
_VECTOR = rf"(?i)^[\[({{]?\s*{_NUMBER}({_BETWEEN}{_NUMBER})+\s*[\])}}]?$"
_THOUSANDS = r"^[-+]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?$"  # one number, such as 1,299.50
_FRACTION = r"(?i)[0-9]\.|\.[0-9]|[0-9]e|nan|inf|\.\.\."  # whole numbers have no NaN


class TableColumns:
    """The columns of a table that may be features, as they grow with its rows.

    A column that nobody named has vectors if its type is a list of fractions, or if most of its
    first fields that are not empty look like several numbers, of which some are written as
    fractions. What else is in it is then an error, because a column of embeddings with one bad
    field is no category. Whole numbers are as likely sizes, dates or ids.

    Args:
        path: The table, for messages.
        categories, vectors: The names of columns that were given; with neither, all are taken.
    """

    def __init__(
        self, path: str, categories: Sequence[str] | None, vectors: Sequence[str] | None
    ) -> None:
        self.left_out: dict[str, str] = {}
        self._path = path
        self._names: list[str] | None = None
        self._guesses: dict[str, _Guess] = {}
        self._columns: dict[str, FeatureColumn] = {
            **{name: CategoryColumn(name) for name in categories or ()},
            **{name: VectorColumn(name) for name in vectors or ()},
        }

    def add(self, part: ItemRows) -> None:
        """Adds rows.

        Raises:
            ItemTableError: A file lacks a column, or a field cannot be read.
        """
        if self._names is None:
            self._begin(part)
        for name in self._names or ():
            if name not in part.columns:
                raise ItemTableError(
                    f"{part.file}: has no column {name!r}, which an earlier file of {self._path} "
                    "has. Write all files alike, or name the columns to use."
                )
            fields = _Fields(part.file, part.rows, part.columns[name])
            if name in self._columns:
                self._columns[name].add(*fields)
            elif self._guesses[name].is_sure_with(fields):
                self._decide(name)

    def finish(self) -> dict[str, FeatureColumn]:
        """The columns by name, in the order of the table."""
        for name in self._guesses:
            if name not in self._columns:
                self._decide(name)
        return {name: self._columns[name] for name in self._names or () if name in self._columns}

    def _begin(self, part: ItemRows) -> None:
        if not self._columns:
            self.left_out = {
                name: f"is of type {array.type}"
                for name, array in part.columns.items()
                if types.is_nested(array.type) and not is_list(array.type)
            }
        self._names = [name for name in part.columns if name not in self.left_out]
        self._guesses = {n: _Guess(n) for n in self._names if n not in self._columns}

    def _decide(self, name: str) -> None:
        guess = self._guesses[name]
        if not guess.filled:
            self.left_out[name] = EMPTY
            return
        column: FeatureColumn = CategoryColumn(name, guess.has_several_numbers)
        if guess.has_several_numbers and guess.has_fraction:
            column = VectorColumn(name)
        for fields in guess.fields:
            column.add(*fields)
        guess.fields.clear()
        self._columns[name] = column


class _Fields(NamedTuple):
    """Fields of a column, and where they stand."""

    file: str
    rows: npt.NDArray[np.int64]
    array: pyarrow.Array


class _Guess:
    """What the first fields of a column tell, which are kept until enough of them are not empty."""

    def __init__(self, name: str) -> None:
        self.fields: list[_Fields] = []
        self.filled = 0
        self._name = name
        self._vectors = 0
        self.has_fraction = False

    @property
    def has_several_numbers(self) -> bool:
        return 2 * self._vectors > self.filled

    def is_sure_with(self, fields: _Fields) -> bool:
        """Looks at more fields, and tells whether it has seen enough."""
        self.fields.append(fields)
        array = fields.array
        if is_list(array.type):
            found = len(compute.list_flatten(array).drop_null())
            self.filled += found
            if _is_fraction(array.type.value_type):
                self._vectors, self.has_fraction = self.filled, True
            return found > 0
        texts = compute.utf8_trim_whitespace(texts_of(fields.file, self._name, fields.rows, array))
        texts = texts.filter(compute.not_equal(texts, "")).slice(0, _LOOKED_AT - self.filled)
        vectors = texts.filter(
            compute.and_not(
                compute.match_substring_regex(texts, _VECTOR),
                compute.match_substring_regex(texts, _THOUSANDS),
            )
        )
        self.filled += len(texts)
        self._vectors += len(vectors)
        fractions = compute.match_substring_regex(vectors, _FRACTION)
        self.has_fraction |= bool(compute.any(fractions).as_py())
        return self.filled >= _LOOKED_AT


def _is_fraction(kind: pyarrow.DataType) -> bool:
    return types.is_floating(kind) or (types.is_decimal(kind) and kind.scale > 0)
