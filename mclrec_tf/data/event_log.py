"""Reads event logs: who did what, when. Streams, so memory does not grow with the log.

| file name | contents |
|---|---|
| `.csv` | comma separated, a header, RFC 4180 quotes |
| `.tsv` | tab separated, a header; a quote is an ordinary character |
| `.inter` | RecBole's `.tsv`: header fields are written `name:type` |
| `.txt` | no header; a line is `user item item …`, oldest first; time is the place in the line |
| `.parquet` | ids of an integer or string type, time of a number or timestamp type |

All but Parquet may be gzip-compressed (`.csv.gz`). Text is UTF-8; any kind of line end will do.
Files are opened through `tf.io.gfile`, so `gs://` paths work.

Ids are kept byte for byte. Times are int64 in the log's own units; fractions are rounded down.
A user's events are ordered by time; events of the same time stand in the order in which the log
has them (files by name, then rows).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mclrec_tf.data.events import Event, EventLogError, EventLogFormat, RowProblem
from mclrec_tf.data.parquet_log import read_parquet
from mclrec_tf.data.text_log import read_delimited, read_sequences

__all__ = [
    "Event",
    "EventLogError",
    "EventLogFormat",
    "RowProblem",
    "event_log_files",
    "read_events",
]

_KIND = re.compile(r"\.(?:(csv|tsv|inter|txt)(?:\.gz)?|(parquet))$", re.IGNORECASE)
_KINDS = ".csv, .tsv, .inter, .txt (each also with .gz) and .parquet"


def event_log_files(path: str, format: EventLogFormat | None = None) -> list[str]:
    """Returns the files of a log in the order in which they are read: by name.

    Args:
        path: a file, a folder (its event log files; hidden files and those whose name starts with
            `_` are left out), or a glob pattern.
        format: if given, also checks that this format can be read from that many files.

    Raises:
        EventLogError: there is no such file, or a file name does not tell its kind, or there are
            several files and no time column, so that nothing says which row came first.
    """
    import tensorflow as tf

    try:
        files = sorted(_find_files(path))
    except tf.errors.OpError as error:
        raise EventLogError(f"{path}: cannot be looked up: {error}.") from error
    tables = [file for file in files if _kind(file) != "txt"]
    if format is not None and not format.timestamp_column and len(tables) > 1:
        raise EventLogError(
            f"{path}: {len(tables)} files and no time column. The order of rows is known within "
            "one file only: join the files, or name the time column with timestamp_column=, on "
            "the command line --timestamp-column."
        )
    return files


def read_events(path: str, format: EventLogFormat) -> Iterator[Event | RowProblem]:
    """Yields the events of a log, and a `RowProblem` for each row that holds none.

    Args:
        path: as for `event_log_files`.
        format: the names of the columns (not used by `.txt`).

    Raises:
        EventLogError: a file is missing, empty, damaged, or lacks a column.

    Example:
        >>> import pathlib, tempfile
        >>> log = pathlib.Path(tempfile.mkdtemp(), "log.csv")
        >>> _ = log.write_text("who,what,when\\nann,tea,17\\nann,,18\\n")
        >>> for event in read_events(str(log), EventLogFormat("who", "what", "when")):
        ...     print(event)  # doctest: +ELLIPSIS
        Event(user_id='ann', item_id='tea', timestamp=17)
        ...log.csv, row 3, column what: is empty ('')
    """
    for file in event_log_files(path, format):
        yield from _read_file(file, format)


def _find_files(path: str) -> list[str]:
    from tensorflow.io import gfile

    if gfile.isdir(path):
        names = [name for name in gfile.listdir(path) if not name.startswith((".", "_"))]
        files = [gfile.join(path, name) for name in names if _KIND.search(name)]
        if not files:
            found = ", ".join(sorted(names)[:5]) or "nothing"
            raise EventLogError(
                f"{path}: the folder holds no event log. Found: {found}. Readable are {_KINDS}."
            )
        return files
    files = [path] if gfile.exists(path) else gfile.glob(path)
    if not files:
        raise EventLogError(f"{path}: no such file or folder, and no file matches it.")
    return files


def _read_file(file: str, format: EventLogFormat) -> Iterator[Event | RowProblem]:
    kind = _kind(file)
    if kind == "parquet":
        return read_parquet(file, format)
    if kind == "txt":
        return read_sequences(file, format)
    return read_delimited(file, format, kind)


def _kind(file: str) -> str:
    kind = _KIND.search(file)
    if kind is None:
        raise EventLogError(
            f"{file}: the end of the name does not say what kind of file this is. Rename it to "
            f"end in one of {_KINDS}."
        )
    return (kind[1] or kind[2]).lower()
