"""Reads a sample of a log within seconds: all of a small log, parts of a large one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf

from mclrec_tf.data.event_log.file_kind import FileKind
from mclrec_tf.data.event_log.preview import preview
from mclrec_tf.data.event_log.reader import EventBatch, EventLogError, EventLogFormat, LogFile
from mclrec_tf.data.event_log.values.times import TimeScale
from mclrec_tf.data.event_table import EventTable
from pipeline.components.example_gen.event_log.log_report import FileSummary

BATCHES = 32
"""The number of batches to read. A batch is a MiB of text, or 65,536 rows of Parquet."""
SECONDS = 5.0
_COSTS = {"json": 4}  # How many times as long a batch takes as one of another kind of file.
_BATCH_BYTES = 1 << 20
_MOST_FILES = 1000


@dataclass
class Sample:
    """What was read of a log.

    Attributes:
        files: The summaries of the files that were read, as ExampleGen makes them.
        kinds: The kind of each of these files, by path.
        is_whole: Whether the whole log was read.
        rows: The number of rows in the whole log. It is estimated if not all was read.
        events: The events that were read.
        scale: The scale of the times. None if there is no event.
    """

    files: list[FileSummary] = field(default_factory=list)
    kinds: dict[str, FileKind] = field(default_factory=dict)
    is_whole: bool = True
    rows: int = 0
    events: EventTable = field(default_factory=lambda: EventTable.of([]))
    scale: TimeScale | None = None

    @property
    def rows_read(self) -> int:
        return sum(file.rows for file in self.files)


def file_sizes(files: Sequence[str]) -> dict[str, int]:
    """The size of each file in bytes, by path.

    Raises:
        EventLogError: A file cannot be found.
    """
    try:
        return {file: tf.io.gfile.stat(file).length for file in files}
    except tf.errors.OpError as error:
        raise EventLogError(
            f"{error.message}. The size of the file cannot be read; check its path and permissions."
        ) from error


def read_sample(
    sizes: dict[str, int],
    format: EventLogFormat,
    batches: int = BATCHES,
    seconds: float = SECONDS,
) -> Sample:
    """Reads the first rows of all files, or of evenly spaced ones if there are many.

    Args:
        sizes: The log's files in the order in which they are read, with their sizes in bytes.
        format: How the log is read.
        batches: The largest number of batches. At least one batch of a file is read, and fewer of
            JSON, because it takes longer.
        seconds: The longest time to read, in seconds.
    """
    until = time.monotonic() + seconds
    files = _spread(sizes, batches)
    left: float = batches
    parts: list[_FilePart] = []
    for number, file in enumerate(files):
        if number and (left <= 0 or time.monotonic() > until):
            break
        part = _read_file(file, sizes[file], format, left / (len(files) - number), until)
        left -= part.cost
        parts.append(part)
    rows = sum(part.rows for part in parts)
    of_bytes = sum(sizes[part.summary.file] for part in parts)
    return Sample(
        files=[part.summary for part in parts],
        kinds={part.summary.file: part.kind for part in parts if part.kind},
        is_whole=len(parts) == len(sizes) and all(part.is_whole for part in parts),
        rows=round(rows * sum(sizes.values()) / of_bytes) if of_bytes else round(rows),
        events=EventTable.of(batch for part in parts for batch in part.events if len(batch.users)),
        scale=next((scale for part in parts if (scale := part.summary.time_scale)), None),
    )


@dataclass
class _FilePart:
    """What was read of one file. `rows` is the number of all its rows, `cost` the batches read."""

    summary: FileSummary
    kind: FileKind | None = None
    events: list[EventBatch] = field(default_factory=list)
    rows: float = 0
    cost: float = 0
    is_whole: bool = True


def _read_file(
    file: str, size: int, format: EventLogFormat, allowed: float, until: float
) -> _FilePart:
    part = _FilePart(FileSummary(file))
    log_file = LogFile(file, format)
    try:
        for batch in log_file.batches():
            part.events.append(batch)
            part.summary.count(batch)
            part.cost += min(1, size / _BATCH_BYTES) * _COSTS.get(_kind(log_file), 1)
            enough = part.cost >= allowed or time.monotonic() > until
            if enough and not _is_read(log_file, size):
                part.is_whole = False
                break
        part.summary.finish(log_file)
    except EventLogError as error:
        part.summary.error = str(error)
    part.kind = log_file.kind
    part.rows = part.summary.rows
    if not part.is_whole:
        part.rows = _rows_in_all(log_file, part.summary, size, format)
    return part


def _spread(sizes: dict[str, int], batches: int) -> list[str]:
    """The files to read: all, or evenly spaced ones."""
    files = list(sizes)
    mean = max(sum(sizes.values()) // len(files), 1)
    count = min(len(files), _MOST_FILES, max(batches, batches * _BATCH_BYTES // mean))
    numbers = np.linspace(0, len(files) - 1, max(count, 1)).round().astype(int)
    return [files[number] for number in dict.fromkeys(numbers.tolist())]


def _kind(log_file: LogFile) -> str:
    return log_file.kind.kind if log_file.kind else ""


def _is_read(log_file: LogFile, size: int) -> bool:
    """Whether a file was read to its end."""
    return _kind(log_file) != "parquet" and log_file.position >= size


def _rows_in_all(
    log_file: LogFile, summary: FileSummary, size: int, format: EventLogFormat
) -> float:
    if _kind(log_file) == "parquet":
        return preview(log_file.path, format).num_rows or 0
    return summary.rows * max(size / max(log_file.position, 1), 1)
