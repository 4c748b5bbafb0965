"""What kind of event log a file is, told by what it holds.

The name of a file decides one thing alone: only in a `.txt` file are lines taken for histories
(`user item item …`), and only if they do not look like anything else.
"""

from __future__ import annotations

import ast
import csv
import json
import re
import shlex
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from statistics import mode
from typing import Literal

from mclrec_tf.data.event_log.events import EmptyFileError, EventLogError
from mclrec_tf.data.event_log.formats.text_blocks import texts_of
from mclrec_tf.data.event_log.log_format import SEQUENCES, EventLogFormat, check_columns
from mclrec_tf.data.event_log.suggestions import (
    columns_option,
    describe_fields,
    looks_like_time,
    suggest_columns,
    suggest_roles,
)

SEPARATORS = ("\t", ",", ";", "|", "::", " ")
_SAMPLE_LINES = 100
_TABLE_LINES = 20
_ALIKE = 0.8
_NARROW_LINES, _NARROW = 10, 20
_HEAD_BYTES = 1 << 16
_FIRST_LINE = re.compile(rb"\s*[^\r\n]*")
_RECBOLE = re.compile(r".+:(token|token_seq|float|float_seq)")
_TEXT_ENDING = re.compile(r"\.txt(\.(gz|bz2|xz|zst|zip))?$", re.IGNORECASE)
_FOREIGN = (
    (b"ARROW1", "an Arrow or Feather file: write it as Parquet"),
    (b"\xff\xff\xff\xff", "an Arrow stream: write it as Parquet"),
    (b"ORC", "an ORC file: write it as Parquet"),
    (b"Obj\x01", "an Avro file: write it as Parquet"),
    (b"SQLite format 3", "a SQLite database: export the table as CSV or Parquet"),
    (b"\x89HDF", "an HDF5 file: write the table as Parquet"),
    (b"\xd0\xcf\x11\xe0", "an Excel file: save the sheet as CSV"),
    (b"%PDF", "a PDF file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x93NUMPY", "a NumPy array: write a table as Parquet"),
    (b"\x80\x04\x95", "a Python pickle: write the table as Parquet"),
    (b"\x80\x05\x95", "a Python pickle: write the table as Parquet"),
    (b"7z\xbc\xaf", "a 7-Zip archive: unpack it"),
    (b"Rar!", "a RAR archive: unpack it"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "XML: write the table as CSV or Parquet"),
)
_TAR = b"ustar"
_PROSE = re.compile(r"\w[.,;:!?)](\s|$)|^#|\s\W\s")


@dataclass(frozen=True)
class FileKind:
    """How a file is to be read.

    Attributes:
        kind: `"table"` is text with separators, `"json"` is a JSON object a line.
        separator: Of a table.
        names: Of the table's columns.
        has_header: Whether the names stand in the table.
        has_quotes: Whether a quote in the table is not an ordinary character.
    """

    kind: Literal["table", "sequences", "json", "parquet"]
    separator: str = ""
    names: tuple[str, ...] = ()
    has_header: bool = False
    has_quotes: bool = False


def file_kind(
    path: str, head: bytes, format: EventLogFormat, partitions: Collection[str] = ()
) -> FileKind:
    """Tells the kind of a text file.

    Args:
        path: Its name.
        head: Its first lines, in UTF-8.
        format: Names of the columns.
        partitions: Columns that the names of the folders give.

    Raises:
        EventLogError: It is no event log that can be read. The message says what it looks like.
    """
    lines = readable_lines(path, head, format)
    if lines[0].lstrip().startswith("{") and not (format.columns and not _is_object(lines[0])):
        if format.columns:
            raise EventLogError(
                f"{path}: holds JSON objects, which name their values themselves. Leave --columns "
                "out."
            )
        return FileKind("json")
    if format.is_sequences:
        return FileKind("sequences")
    if format.columns:
        return _without_header(path, lines, format)
    needed = {*format.needed} - {*partitions}
    table = table_with_header(lines[0], needed, _separators(format))
    if table:
        return table
    if _TEXT_ENDING.search(path):
        _refuse_other_than_histories(path, lines[:_SAMPLE_LINES])
        if format.where:
            raise EventLogError(
                f"{path}: where needs columns, but the lines are histories without names."
            )
        return FileKind("sequences")
    raise _no_header(path, lines, format, partitions)


def likely_kind(
    path: str, head: bytes, format: EventLogFormat, partitions: Collection[str] = ()
) -> FileKind:
    """As `file_kind`, but a table may have other names than those of the format, or none.

    For a person who wants to know what the columns are. Nothing is read by it: names that are
    found here have to be given to be read.
    """
    try:
        return file_kind(path, head, format, partitions)
    except EventLogError:
        lines = readable_lines(path, head, format)
        separator, rows = _best_table(lines, format)
        if not separator or format.columns:
            raise
    if _is_data(rows[0]):
        return FileKind("table", separator, has_quotes=has_quotes(separator))
    recbole = all(map(_RECBOLE.fullmatch, rows[0]))
    names = [name.rsplit(":", 1)[0] for name in rows[0]] if recbole else rows[0]
    return FileKind("table", separator, tuple(names), True, has_quotes(separator))


def split_line(line: str, separator: str, quotes: bool) -> list[str]:
    """The fields of one line."""
    if len(separator) > 1 or not quotes:
        return line.split(separator)
    try:
        return next(csv.reader([line], delimiter=separator, strict=True), [])
    except csv.Error:
        return []


def _separators(format: EventLogFormat) -> Sequence[str]:
    """The separators that a table may have."""
    return (format.split_at,) if format.split_at else SEPARATORS


def has_quotes(separator: str) -> bool:
    """Whether a quote means something in tables of this separator.

    Tab separated files have no quotes (IANA text/tab-separated-values), so that an inch mark at
    the start of a field cannot swallow the rows after it.
    """
    return separator in (",", ";", "|")


def _refuse_foreign(path: str, head: bytes) -> None:
    for begin, what in _FOREIGN:
        # Text may begin with the letters of a binary file: ORCID,item_id,timestamp.
        if head.startswith(begin) and (not begin.isalnum() or b"\0" in head[:4096]):
            raise EventLogError(f"{path}: looks like {what}.")
    if head[257:262] == _TAR:
        raise EventLogError(f"{path}: looks like a tar archive: unpack it.")


def readable_lines(path: str, head: bytes, format: EventLogFormat) -> list[str]:
    """The lines of a text that may be a log, without blank ones.

    Raises:
        EventLogError: It is empty, or something else. The message says what it looks like.
    """
    _refuse_foreign(path, head)
    # The first line whole, however many columns it names.
    end = max(_HEAD_BYTES, len(_FIRST_LINE.match(head)[0]))  # type: ignore[index]
    lines = texts_of(head[:end])
    if not lines:
        raise EmptyFileError(f"{path}: the file is empty. Row 1 must name the columns.")
    begin = lines[0].strip()
    if begin.startswith("sep=") and len(begin) <= 6:
        raise EventLogError(f"{path}: row 1 is a note for Excel, {begin!r}. Remove that line.")
    if begin == "{" and not format.columns:
        raise EventLogError(
            f"{path}: looks like JSON over several lines. Write one object a line, for example "
            "with jq -c ."
        )
    # In a file without a header, an odd first row is one row that cannot be used.
    unreadable = re.search("[\0-\\x08\ud800-\udfff]", begin.replace(format.split_at or ",", ""))
    if unreadable and not begin.startswith("{") and not format.columns:
        raise EventLogError(
            f"{path}: row 1 is not a header in UTF-8 text. Readable are text in UTF-8 or UTF-16, "
            "JSON lines and Parquet. Text in another encoding becomes UTF-8 by iconv, for example "
            "iconv -f latin1 -t utf-8."
        )
    if re.fullmatch(r"\d+:", begin):
        raise EventLogError(
            f"{path}: row 1 is {begin!r}, a line of its own for the item of the rows after it, as "
            "in the data of the Netflix prize. Write the item into each row, with awk -F, "
            '\'/:$/ {item = $1; sub(":", "", item); next} {print $1 "," item "," $3}\'.'
        )
    if begin.startswith("[") and not format.columns:
        raise EventLogError(
            f"{path}: looks like one JSON list. Write one object a line, for example with "
            "jq -c '.[]'."
        )
    return lines


def _is_object(line: str) -> bool:
    """Whether a line is no field such as {3F2504E0-4F89}, a Windows UUID."""
    with suppress(ValueError):
        return bool(parse_object(line))
    return False


def table_with_header(
    line: str, needed: Collection[str], separators: Sequence[str] = SEPARATORS
) -> FileKind | None:
    """The table whose header a line is, None if it does not name all that is needed.

    Args:
        line: The first line of a file.
        needed: Names of columns.
        separators: What may stand between the fields.
    """
    for separator in separators:
        quotes = has_quotes(separator)
        if not quotes and all(f[:1] == f[-1:] == '"' for f in line.split(separator)):
            quotes = len(separator) == 1
        fields = split_line(line, separator, quotes)
        plain = [field.rsplit(":", 1)[0] for field in fields]
        for names in (fields, plain) if all(map(_RECBOLE.fullmatch, fields)) else (fields,):
            if {*needed} <= {*names}:
                return FileKind("table", separator, tuple(names), True, quotes)
    return None


def _without_header(path: str, lines: Sequence[str], format: EventLogFormat) -> FileKind:
    expected = len(format.names)
    found = []
    for separator in _separators(format):
        quotes = has_quotes(separator)
        counts = _widths(lines[:_SAMPLE_LINES], separator, quotes)
        if counts.count(expected) > len(counts) / 2:
            _refuse_header(path, split_line(lines[0], separator, quotes), format)
            return FileKind("table", separator, tuple(format.names), False, quotes)
        found.append((max({*counts}, key=counts.count), separator))
    count, separator = max(found)
    raise EventLogError(
        f"{path}: --columns names {expected} columns, but row 1 has {count} when split at "
        f"{separator!r}: {lines[0][:80]!r}. Name each column, - for one that is not needed, and "
        "give --separator if it is another."
    )


def _refuse_header(path: str, fields: Sequence[str], format: EventLogFormat) -> None:
    """Stops where a file does have a header, so that its columns may be others than given."""
    named = {*format.roles, *suggest_roles(fields).values()} & {*fields}
    if len(named) > 1 and not _is_data(fields):
        raise EventLogError(
            f"{path}: row 1 is a header, {', '.join(map(repr, fields))}. Leave --columns out, and "
            "name the columns by --user-column, --item-column and --timestamp-column; or remove "
            "the header."
        )


def _widths(lines: Sequence[str], separator: str, quotes: bool) -> list[int]:
    """How many fields the rows of some lines have; a quoted field may go over several lines."""
    widths: list[int] = []
    if quotes:
        ends = (line + "\n" for line in lines)
        with suppress(csv.Error):  # the last row is cut
            for row in csv.reader(ends, delimiter=separator, strict=True):
                widths.append(len(row))
    return widths or [len(split_line(line, separator, quotes)) for line in lines]


def _best_table(lines: Sequence[str], format: EventLogFormat) -> tuple[str, list[list[str]]]:
    """The separator that makes the most columns of equally many fields, and some rows' fields."""
    # The last line may be cut.
    lines = lines[: max(1, min(len(lines) - 1, _TABLE_LINES))]
    best: tuple[str, list[list[str]]] = ("", [])
    for separator in _separators(format):
        rows = [split_line(line, separator, has_quotes(separator)) for line in lines]
        more = len(rows[0]) > max(1, len(best[1] and best[1][0]))
        # Other tables have spaces in their texts.
        if len({*map(len, rows)}) == 1 and more and (separator != " " or not best[0]):
            best = (separator, rows)
    return best


def _no_header(
    path: str, lines: Sequence[str], format: EventLogFormat, partitions: Collection[str]
) -> EventLogError:
    """Why a file is no table with the columns that are needed, and what would help."""
    separator, rows = _best_table(lines, format)
    if not separator:
        separator = max(SEPARATORS, key=lines[0].count)
        if '"' in lines[0] and not split_line(lines[0], ",", True):
            return EventLogError(
                f"{path}: row 1 has a quote out of place or never closed. Correct it."
            )
        rows = [split_line(lines[0], separator, has_quotes(separator))]
    suggested = suggest_columns(rows)
    if _is_data(rows[0]) and len(rows[0]) > 1:
        return EventLogError(
            f"{path}: has no header: row 1 holds {describe_fields(rows[:1], separator)}, "
            f"{', '.join(map(repr, rows[0]))}. Name them with columns=, on the command line "
            f"{columns_option(suggested or '…')}."
        )
    try:
        check_columns(path, rows[0], format, "row 1", partitions)
    except EventLogError as error:
        return error
    return EventLogError(f"{path}: row 1 is not a header. Name the columns in it.")


def _is_data(fields: Sequence[str]) -> bool:
    """Whether the fields of a first row are values rather than names."""
    return any(looks_like_time([f]) or re.fullmatch(r"[+-]?\d+(\.\d+)?", f) for f in fields)


def _refuse_other_than_histories(path: str, lines: Sequence[str]) -> None:
    """Refuses lines that are rather rows of a table, or prose, than a user and items each."""
    if len(lines) > 1:
        lines = lines[:-1]  # which may be cut
    for separator in SEPARATORS:
        rows = [line.split(separator) for line in lines]
        width = mode(map(len, rows))
        # A few rows may be damaged.
        rows = [row for row in rows if len(row) == width]
        least = 3 if separator in "\t " else 2
        alike = len(rows) > _ALIKE * len(lines)
        if not alike or width < least or (separator == " " and "" in rows[0]):
            continue
        roles = suggest_roles(rows[0])
        # The first row may be a header.
        typed = _has_typed_column(rows) or _has_typed_column(rows[1:]) or len(roles) > 1
        typed |= _is_narrow(rows, len(lines))
        if not typed and (separator == " " or (separator == "\t" and len(rows[0]) < 4)):
            continue
        if len(roles) > 1:
            names = " ".join(
                f"--{role.replace('_', '-')} {shlex.quote(name)}"
                for role, name in sorted(roles.items())
            )
            advice = f"Name its columns: {names}"
        else:
            advice = f"Give {columns_option(suggest_columns(rows) or '…')}"
        raise EventLogError(
            f"{path}: looks like a table of {describe_fields(rows, separator)}, not like lines of "
            f"a user and items: {lines[0][:80]!r}. {advice}; or --columns {SEQUENCES} if each "
            "line is a user and the items of the history, oldest first."
        )
    prose = sum(bool(_PROSE.search(line)) for line in lines)
    if prose > 0.3 * len(lines):
        raise EventLogError(
            f"{path}: looks like text for people, not like lines of a user and items: "
            f"{lines[0][:80]!r}. Name the log's files alone, with a pattern in quotes; or "
            f"give --columns {SEQUENCES}."
        )


def _has_typed_column(rows: Sequence[Sequence[str]]) -> bool:
    """Whether a column holds times, or numbers with a fraction, in every row."""
    if not rows or len(rows[0]) > 12:
        return False
    columns = list(zip(*rows, strict=True))
    return any(
        looks_like_time(column) or all(re.fullmatch(r"[+-]?\d+\.\d+", value) for value in column)
        for column in columns
    )


def _is_narrow(rows: Sequence[Sequence[str]], lines: int) -> bool:
    """Whether most of many lines have the same few fields: a user, an item and a rating, say.

    Histories are not equally long.
    """
    return lines >= _NARROW_LINES and 3 <= len(rows[0]) <= _NARROW


def parse_object(line: str) -> dict[str, object]:
    """The object of a line: JSON, or a Python dict as some published data sets have it.

    Raises:
        ValueError: It is neither.
    """
    try:
        found = _DECODER.decode(line)
    except (ValueError, RecursionError):
        try:
            found = ast.literal_eval(line.strip())
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError) as error:
            raise ValueError("is not JSON") from error
    if not isinstance(found, dict):
        raise ValueError("is not a JSON object")
    return found


# Numbers keep their digits. NaN and Infinity, which are no JSON, are no values.
_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=lambda _: None)
