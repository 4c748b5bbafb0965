"""Event logs that are text tables: rows of fields with a separator between them.

Blocks of lines go through pyarrow's parser. From the first quote on that is out of place, or goes
over the end of a line, and in blocks where rows are not of one width, the csv module reads row by
row, because it can tell which row is spoiled and go on with the next one.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pyarrow
import pyarrow.csv

from mclrec_tf.data.event_log.events import EmptyFileError, RawBatch, RowProblem, row_problem
from mclrec_tf.data.event_log.file_kind import FileKind
from mclrec_tf.data.event_log.formats.quoting import is_plainly_quoted
from mclrec_tf.data.event_log.formats.text_blocks import TextBlocks, count_lines
from mclrec_tf.data.event_log.log_format import EventLogFormat, check_columns

_LONGEST_FIELD = 1 << 20
_BATCH_ROWS = 1 << 15
# Stands for a separator of several characters, which the parsers do not know.
_STAND_IN = "\x1f"
_LINE = re.compile(b"[^\r\n]*(?:\r\n|\n|\r)?")

_Record = tuple[int, list[str], str]


def read_table(
    path: str,
    blocks: TextBlocks,
    kind: FileKind,
    format: EventLogFormat,
    partitions: Collection[str] = (),
) -> Iterator[RawBatch]:
    """Yields the columns of a table that the format needs."""
    csv.field_size_limit(max(_LONGEST_FIELD, csv.field_size_limit()))
    if kind.has_header:
        check_columns(path, list(kind.names), format, "row 1", partitions)
    table = _Table(path, kind, format)
    source = iter(blocks)
    missing_header = kind.has_header
    rows = 0
    for block in source:
        first_row = blocks.row
        if missing_header:
            skipped, block = _after_header(block)
            first_row += skipped
            missing_header = not block and not skipped
        if not block.strip(b"\r\n"):
            continue
        quotes = kind.has_quotes and b'"' in block
        is_plain = not quotes or is_plainly_quoted(block, kind.separator)
        fast = table.fast(first_row, block, quotes) if is_plain else None
        # A value may go on in the next blocks.
        others = source if quotes else iter(())
        for batch in [fast] if fast else table.slow(first_row, block, others):
            rows += len(batch.rows) + len(batch.problems)
            yield batch
    if rows == 0:
        after = " after the header in row 1" if kind.has_header else ""
        raise EmptyFileError(f"{path}: there is no event{after}.")


def _after_header(block: bytes) -> tuple[int, bytes]:
    """How many lines a block has up to its first line that is not blank, and what comes then."""
    end = 0
    for match in _LINE.finditer(block):
        if match.end() == end:
            return count_lines(block), b""
        end = match.end()
        if match[0].decode(errors="replace").strip():
            break
    return count_lines(block[:end]), block[end:]


class _Table:
    def __init__(self, path: str, kind: FileKind, format: EventLogFormat) -> None:
        self._path = path
        self._kind = kind
        # A headerless table may have several columns that nobody needs.
        self._names = [
            f"{index} " if name == "-" else name for index, name in enumerate(kind.names)
        ]
        self._needed = [name for name in format.needed if name in self._names]
        self._indices = [self._names.index(name) for name in self._needed]
        is_plain = len(kind.separator) == 1 and kind.separator.isascii()
        self._separator = kind.separator if is_plain else _STAND_IN

    def fast(self, row: int, block: bytes, quotes: bool) -> RawBatch | None:
        """The columns of a block with plain quotes or none; None if its rows are not all alike."""
        # The parser leaves out a byte order mark with which a block happens to begin.
        if b"\0" in block or block.startswith(codecs.BOM_UTF8):
            return None
        if not (text := self._with_one_separator(block)):
            return None
        try:
            # Not read_csv: it looks through all Python objects for a traceback at every call.
            table = pyarrow.csv.open_csv(
                pyarrow.py_buffer(text),
                read_options=pyarrow.csv.ReadOptions(
                    use_threads=False, column_names=self._names, block_size=len(text) + 1
                ),
                parse_options=pyarrow.csv.ParseOptions(
                    delimiter=self._separator,
                    quote_char='"' if quotes else False,
                    double_quote=quotes,
                    escape_char=False,
                    newlines_in_values=False,
                    ignore_empty_lines=True,
                ),
                convert_options=pyarrow.csv.ConvertOptions(
                    check_utf8=False,
                    column_types=dict.fromkeys(self._needed, pyarrow.binary()),
                    include_columns=self._needed,
                    strings_can_be_null=False,
                    quoted_strings_can_be_null=False,
                ),
            ).read_all()
        except (pyarrow.ArrowException, UnicodeDecodeError):  # the message quotes the row
            return None
        if table.num_rows != count_lines(block):
            return None
        columns = {name: _one_chunk(table[name]) for name in self._needed}
        return RawBatch(columns, np.arange(row, row + table.num_rows), [])

    def slow(self, row: int, block: bytes, others: Iterator[bytes]) -> Iterator[RawBatch]:
        """The columns of a block, row by row, and of others up to where the last row ends."""
        width = len(self._names)
        texts: list[list[str]] = [[] for _ in self._indices]
        rows: list[int] = []
        problems: list[RowProblem] = []
        for number, record, text in self._records(row, _Lines(block, others)):
            if len(record) == width:
                # Texts and not records are kept: the garbage collector looks through all lists
                # that live, and through those of TensorFlow, each time that many were made.
                for column, index in zip(texts, self._indices, strict=True):
                    column.append(record[index])
                rows.append(number)
            else:
                problems.append(self._misshapen(number, record, text))
            if len(rows) + len(problems) == _BATCH_ROWS:
                yield RawBatch(self._columns(texts), np.array(rows, np.int64), problems)
                texts, rows, problems = [[] for _ in self._indices], [], []
        yield RawBatch(self._columns(texts), np.array(rows, np.int64), problems)

    def _columns(self, texts: list[list[str]]) -> dict[str, pyarrow.Array]:
        return {
            name: pyarrow.array(
                [text.encode("utf-8", "surrogateescape") for text in column], pyarrow.binary()
            )
            for name, column in zip(self._needed, texts, strict=True)
        }

    def _with_one_separator(self, block: bytes) -> bytes:
        if self._separator == self._kind.separator:
            return block
        if _STAND_IN.encode() in block:
            return b""
        return block.replace(self._kind.separator.encode(), _STAND_IN.encode())

    def _records(self, row: int, lines: _Lines) -> Iterator[_Record]:
        """Yields (row, fields, text) of each record: the line where it starts, and what it holds.

        A record that breaks the quoting rules, or holds NUL, has no fields. Only the line where it
        starts is given up: those after it are read again as records of their own, so that a quote
        that is never closed costs one row and not the rest of the file.
        """
        if self._separator != self._kind.separator:
            for number, line in enumerate(lines, start=row):
                text = line.rstrip("\r\n")
                if text:
                    fields = [] if "\0" in text else text.split(self._kind.separator)
                    yield number, fields, line
            return
        dialect: dict[str, Any] = (
            {"strict": True} if self._kind.has_quotes else {"quoting": csv.QUOTE_NONE}
        )
        before = row - 1  # lines read by earlier readers
        taken: list[str] = []  # lines of the record that is being read
        while True:
            noted = _noted(lines, taken)
            reader = csv.reader(noted, delimiter=self._separator, **dialect)
            with suppress(csv.Error):
                for fields in reader:
                    if fields:  # not a blank line
                        holds_nul = "\0" in "".join(taken)
                        first = before + reader.line_num - len(taken) + 1
                        yield first, [] if holds_nul else fields, taken[0]
                    taken.clear()
                    if lines.is_block_read:
                        return
                return
            before += reader.line_num - len(taken) + 1
            text = taken[0]
            lines.put_back(taken[1:])
            taken.clear()
            yield before, [], text

    def _misshapen(self, row: int, fields: list[str], text: str) -> RowProblem:
        """A row of another width than the header: which field is which is not certain."""
        text = text.rstrip("\r\n")
        header = "the header" if self._kind.has_header else "--columns"
        if not fields:
            if "\0" in text:
                reason = "holds NUL"
            elif len(text) > _LONGEST_FIELD:
                reason = f"has a field of more than {_LONGEST_FIELD:,} characters"
            else:
                reason = "has a quote out of place or never closed"
            return row_problem(self._path, row, "", reason, text)
        if len(fields) > len(self._names):
            return row_problem(self._path, row, "", f"has more fields than {header}", text)
        indices = zip(self._needed, self._indices, strict=True)
        missing = [name for name, index in indices if index >= len(fields)]
        return row_problem(
            self._path, row, (*missing, "")[0], f"has fewer fields than {header}", text
        )


class _Lines:
    """The lines of a block, with their ends, and of others if they are asked for."""

    def __init__(self, block: bytes, others: Iterator[bytes]) -> None:
        self._others = others
        self._left = _lines(block)

    @property
    def is_block_read(self) -> bool:
        """Whether the next line would be of the next block."""
        return not self._left

    def put_back(self, lines: list[str]) -> None:
        """Lines that are to be read again, next."""
        self._left += reversed(lines)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while not self._left:
            self._left = _lines(next(self._others))
        return self._left.pop()


def _lines(block: bytes) -> list[str]:
    """The lines of a block, the last one first."""
    # With newline="", as the csv module wants them: any line end ends a line and stays.
    return io.StringIO(block.decode("utf-8", "surrogateescape"), newline="").readlines()[::-1]


def _noted(lines: _Lines, taken: list[str]) -> Iterator[str]:
    for line in lines:
        taken.append(line)
        yield line


def _one_chunk(column: pyarrow.ChunkedArray) -> pyarrow.Array:
    chunks = column.chunks
    return chunks[0] if len(chunks) == 1 else pyarrow.concat_arrays(chunks)
