"""Reads the names of items from a text table, with the standard library alone."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from typing import Any

from serving.item_names import FileAndColumn, one_line

_SEPARATORS = ("\t", ",", ";", "|")
_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"
_NOT_UTF8 = re.compile(r"[\ud800-\udfff]")
_LONGEST_FIELD = 1 << 20
_ADVICE = "Write it as a CSV or TSV file in UTF-8, with a header, plain or as .gz."


def read_item_names(source: FileAndColumn, item_column: str) -> dict[str, str]:
    """The names of the items, each in one line, by id.

    Rows without an id or a name are left out.

    Args:
        source: The file, plain or packed by gzip, with a header and `,`, `;`, `|` or tabs between
            the fields, and the column with the names.
        item_column: The column with the ids. If there is none of this name, it is the first one.

    Raises:
        ValueError: The file is no such table, or an item has two different names.
        OSError: It cannot be read.
    """
    file, column = source
    csv.field_size_limit(max(_LONGEST_FIELD, csv.field_size_limit()))
    names: dict[str, str] = {}
    try:
        with _opened(file) as text:
            header = text.readline()
            separator, fields = _split_header(file, header, column)
            ids = fields.index(item_column) if item_column in fields else 0
            position = fields.index(column)
            if ids == position:
                raise ValueError(
                    f"{file}: {column!r} is the column with the ids; name one with names."
                )
            for row, values in _rows(file, text, separator):
                if len(values) != len(fields):
                    raise ValueError(
                        f"{file}, row {row}: has {len(values)} fields, but the header "
                        f"{len(fields)}. Correct the row."
                    )
                item, name = values[ids], one_line(values[position])
                if _NOT_UTF8.search(item + name):
                    raise ValueError(f"{file}, row {row}: is not UTF-8. {_ADVICE}")
                if item and name and names.setdefault(item, name) != name:
                    raise ValueError(
                        f"{file}, row {row}, column {column}: the item {item!r} has {name[:80]!r} "
                        f"here and {names[item][:80]!r} in an earlier row. Give each item one row."
                    )
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{file}: is damaged: {error}. Copy or compress it again.") from error
    if not names:
        raise ValueError(f"{file}: the column {column!r} holds no name.")
    return names


def _opened(file: str) -> io.TextIOWrapper:
    with open(file, "rb") as data:
        begin = data.read(4)
    if begin == _PARQUET:
        raise ValueError(f"{file}: is a Parquet file, which only the pipeline reads. {_ADVICE}")
    if begin.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ValueError(f"{file}: is UTF-16. {_ADVICE}")
    open_ = gzip.open if begin.startswith(_GZIP) else open
    # With newline="", as the csv module wants it. Bytes that are not UTF-8 become surrogates.
    return open_(file, "rt", encoding="utf-8-sig", errors="surrogateescape", newline="")


def _split_header(file: str, header: str, column: str) -> tuple[str, list[str]]:
    """What separates the columns, and their names."""
    if not header.strip():
        raise ValueError(f"{file}: row 1 is empty. {_ADVICE}")
    found = [(each, _fields(header, each)) for each in _SEPARATORS]
    for separator, fields in found:
        if fields.count(column) > 1:
            raise ValueError(
                f"{file}: row 1 names the column {column!r} {fields.count(column)} times."
            )
        if column in fields:
            return separator, fields
    fields = max((fields for _, fields in found), key=len)
    listed = ", ".join(map(ascii, fields[:30]))
    raise ValueError(f"{file}: has no column {column!r}. Its columns are: {listed}.")


def _fields(header: str, separator: str) -> list[str]:
    return next(csv.reader([header], **_dialect(separator)), [])


def _dialect(separator: str) -> dict[str, Any]:
    # Tab separated files have no quotes (IANA text/tab-separated-values).
    quoting = csv.QUOTE_NONE if separator == "\t" else csv.QUOTE_MINIMAL
    return {"delimiter": separator, "quoting": quoting}


def _rows(file: str, text: io.TextIOWrapper, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The number of the line with which each row begins, and its fields."""
    reader = csv.reader(text, strict=True, **_dialect(separator))
    row = 2
    try:
        for values in reader:
            if values:
                yield row, values
            row = reader.line_num + 2
    except csv.Error as error:
        raise ValueError(f"{file}, row {row}: {error}. Correct the row.") from error
