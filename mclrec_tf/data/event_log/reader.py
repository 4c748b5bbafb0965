"""Reads event logs: who did what, when. In batches, so memory does not grow with the log.

| a file holds | and is read as |
|---|---|
| text with `,`, tab, `;`, `|`, `::` or space between fields, and a header | a table |
| the same without a header | a table if the format's `columns` name its columns |
| a header of RecBole's fields `name:type` | a table |
| a JSON object a line | its values; names with dots lead into objects and lists |
| Parquet | its columns, whatever their types, dictionaries among them |
| `user item item …` a line, in a file named `.txt` | histories, oldest first, without times |

Quotes are those of RFC 4180; where tabs separate, a quote is an ordinary character.
Each may be packed: gzip, bzip2, xz, Zstandard, or a zip file that holds it alone. Text is UTF-8,
UTF-16 or UTF-32; any kind of line end will do. Files are opened through `tf.io.gfile`, so `gs://`
paths work. The kind of a file is told by what it holds (`mclrec_tf.data.event_log.file_kind`).

Ids are kept byte for byte. For times see `mclrec_tf.data.event_log.values.times`. A user's events
are ordered by time; events of the same time stand in the order in which the log has them (files by
name, then rows). Without times, that order counts alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from os import PathLike

from mclrec_tf.arguments import path_text
from mclrec_tf.data.event_log.event_columns import EventColumns
from mclrec_tf.data.event_log.events import (
    EmptyFileError,
    Event,
    EventBatch,
    EventLogError,
    RawBatch,
    RowProblem,
    damaged,
)
from mclrec_tf.data.event_log.file_kind import FileKind, file_kind
from mclrec_tf.data.event_log.files_of_a_log import check_any_rows, check_same_scale
from mclrec_tf.data.event_log.formats.json_lines import read_json_lines
from mclrec_tf.data.event_log.formats.packed_files import CANNOT_READ, open_unpacked, position
from mclrec_tf.data.event_log.formats.parquet import is_parquet, read_parquet
from mclrec_tf.data.event_log.formats.sequences import read_sequences
from mclrec_tf.data.event_log.formats.text_blocks import TextBlocks
from mclrec_tf.data.event_log.formats.text_table import read_table
from mclrec_tf.data.event_log.log_files import event_log_files, partitions_of
from mclrec_tf.data.event_log.log_format import EventLogFormat
from mclrec_tf.data.event_log.values.id_forms import IdForms
from mclrec_tf.data.event_log.values.times import ROWS, TimeScale

__all__ = [
    "Event",
    "EventBatch",
    "EventLogError",
    "EventLogFormat",
    "LogFile",
    "RowProblem",
    "event_log_files",
    "read_events",
]


class LogFile:
    """One file of a log.

    Args:
        path: Where it is.
        format: Names of its columns.

    Attributes:
        kind: How it is read, once `batches` has begun.
        empty_because: Why it holds nothing; "" if it does not, or is not known yet.
        position: How many bytes of the file have been read, packed as they are.
        scale: What its times count, once the first batch has been read.
    """

    def __init__(self, path: str | PathLike[str], format: EventLogFormat) -> None:
        self.path = path_text("path", path)
        self.kind: FileKind | None = None
        self.position = 0
        self.empty_because = ""
        self._format = format
        self._columns = EventColumns(self.path, format)

    @property
    def forms(self) -> dict[str, IdForms]:
        """How the ids are written that were read so far, by column."""
        return self._columns.forms

    @property
    def scale(self) -> TimeScale | None:
        scale = self._columns.scale
        if scale and not scale.is_time and self.kind and self.kind.kind != "sequences":
            return TimeScale(ROWS)
        return scale

    def batches(self) -> Iterator[EventBatch]:
        """Yields the file's events.

        Raises:
            EventLogError: The file is missing, empty, damaged, or no log with these columns.
        """
        import pyarrow

        for batch in self.raw_batches():
            try:
                yield self._columns.events(batch)
            except pyarrow.ArrowException as error:  # values that damaged pages refer to
                raise damaged(self.path, batch.rows[0], error) from error

    def raw_batches(self) -> Iterator[RawBatch]:
        """Yields the columns that the format needs, as the file has them."""
        partitions = partitions_of(self.path)
        try:
            with open_unpacked(self.path) as data:
                if is_parquet(data):
                    self.kind = FileKind("parquet")
                    raw = read_parquet(self.path, data, self._format, partitions)
                else:
                    raw = self._read_text(TextBlocks(self.path, data), partitions)
                for batch in raw:
                    if not data.closed:  # Parquet may have taken what it needs
                        self.position = position(data)
                    yield _with_partitions(batch, partitions, self._format)
        except EmptyFileError as error:
            self.empty_because = str(error)
        except CANNOT_READ as error:
            raise damaged(self.path, 1, error) from error

    def _read_text(self, blocks: TextBlocks, partitions: dict[str, str]) -> Iterator[RawBatch]:
        head = blocks.head()
        self.kind = file_kind(self.path, head, self._format, partitions)
        if self.kind.kind == "json":
            return read_json_lines(self.path, blocks, self._format, partitions)
        if self.kind.kind == "sequences":
            return read_sequences(self.path, blocks, self._format)
        return read_table(self.path, blocks, self.kind, self._format, partitions)


def read_events(path: str | PathLike[str], format: EventLogFormat) -> Iterator[Event | RowProblem]:
    """Yields the events of a log one by one, and a `RowProblem` for each row that holds none.

    The times of a log without times are the positions of its events, from 1.

    Args:
        path: As for `event_log_files`.
        format: The names of the columns.

    Raises:
        EventLogError: A file is missing, empty, damaged, or lacks a column, or the files' times
            cannot be compared.

    Example:
        >>> from mclrec_tf.data.event_log.reader import EventLogFormat, read_events
        >>> import pathlib, tempfile
        >>> log = pathlib.Path(tempfile.mkdtemp(), "log.csv")
        >>> _ = log.write_text("who,what,when\\nann,tea,17\\nann,,18\\n")
        >>> for event in read_events(log, EventLogFormat("who", "what", "when")):
        ...     print(event)  # doctest: +ELLIPSIS
        Event(user_id='ann', item_id='tea', timestamp=17)
        ...log.csv, row 3, column what: is empty ('')
    """
    positions = itertools.count(1)
    scales, empty = {}, {}
    for file in event_log_files(path, format):
        log = LogFile(file, format)
        for batch in log.batches():
            yield from _one_by_one(batch, positions)
        scales[file] = log.scale
        check_same_scale(scales)
        empty[file] = log.empty_because
    check_any_rows(empty)


def _one_by_one(batch: EventBatch, positions: Iterator[int]) -> Iterator[Event | RowProblem]:
    problems = iter(batch.problems)
    problem = next(problems, None)
    times = itertools.repeat(None) if batch.times is None else batch.times.tolist()
    events = zip(
        batch.rows.tolist(), batch.users.to_pylist(), batch.items.to_pylist(), times, strict=False
    )
    for row, user_id, item_id, time in events:
        while problem is not None and problem.row < row:
            yield problem
            problem = next(problems, None)
        yield Event(user_id, item_id, next(positions) if time is None else time)
    if problem is not None:
        yield problem
    yield from problems


def _with_partitions(
    batch: RawBatch, partitions: dict[str, str], format: EventLogFormat
) -> RawBatch:
    """Adds the columns that the names of the folders give."""
    import pyarrow

    added = {
        name: pyarrow.repeat(pyarrow.scalar(partitions[name].encode()), len(batch.rows))
        for name in format.needed
        if name in partitions and name not in batch.columns
    }
    return batch._replace(columns={**batch.columns, **added}) if added else batch
