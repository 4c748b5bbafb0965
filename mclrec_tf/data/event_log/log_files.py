"""Which files are an event log."""

from __future__ import annotations

import os
import re
import urllib.parse
from collections.abc import Iterator, Sequence
from os import PathLike

from mclrec_tf.arguments import path_text
from mclrec_tf.data.event_log.events import EventLogError
from mclrec_tf.data.event_log.log_format import EventLogFormat

_LOG_NAME = re.compile(
    r"(\.(csv|tsv|txt|inter|dat|data|json|jsonl|ndjson|parquet|pq)"
    r"|^part-[^.]*)(\.(gz|bz2|xz|zst|zip))?$",
    re.IGNORECASE,
)
# What may lie beside a log without being a part of it.
_NO_LOG = re.compile(
    r"^(readme|licen[sc]e|copying|notice|makefile|md5sums|sha256sums)(\.[a-z]+)?$"
    r"|\.(md|rst|html?|pdf|docx?|png|jpe?g|svg|py|ipynb|sh|sql|ya?ml|toml|cfg|ini|xml|crc|md5|sha\d+|bak|swp)$|~$",
    re.IGNORECASE,
)
_NAMES = (
    ".csv, .tsv, .txt, .inter, .dat, .data, .json, .jsonl, .ndjson (each also with .gz, .bz2, .xz, "
    ".zst or .zip), .parquet, .pq"
)
_PARTITION = re.compile(r"([^=/]+)=([^/]*)")
_NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"


def event_log_files(path: str | PathLike[str], format: EventLogFormat | None = None) -> list[str]:
    """Returns the files of a log in the order in which they are read: by name, numbers by size.

    Args:
        path: A file of any name, a glob pattern, or a folder: the files in it and in its folders
            that are named like logs. What begins with `.` or `_` is left out, and so are README,
            notes, pictures and the like.
        format: If given, also checks that this format can be read from that many files.

    Raises:
        EventLogError: There is no such file, a folder holds others that may belong to the log, or
            there are several tables and no time column, so that nothing says which row came first.
    """
    import tensorflow as tf

    path = path_text("path", path)
    if not path:
        raise EventLogError("The path of the event log is empty.")
    try:
        files = sorted(_find_files(path), key=_by_name)
    except tf.errors.OpError as error:
        raise EventLogError(f"{path}: cannot be looked up: {error}.") from error
    except UnicodeError as error:  # TensorFlow opens no others
        raise EventLogError(
            f"{path!r}: this name, or that of a file in the folder, is not UTF-8. Rename it."
        ) from error
    tables = [file for file in files if not re.search(r"\.txt(\.\w+)?$", file, re.IGNORECASE)]
    if format is not None and not format.timestamp_column and len(tables) > 1:
        raise EventLogError(
            f"{path}: {len(tables)} files and no time column. The order of rows is known within "
            "one file only: join the files, or name the time column with timestamp_column=, on "
            "the command line --timestamp-column."
        )
    return files


def names_apart(paths: Sequence[str]) -> list[str]:
    """The paths without the folders that all of them are in.

    Example:
        >>> from mclrec_tf.data.event_log.log_files import names_apart
        >>> names_apart(["gs://shop/log/day=1/a.csv", "gs://shop/log/day=2/a.csv"])
        ['day=1/a.csv', 'day=2/a.csv']
    """
    common = os.path.commonprefix(paths).rfind("/") + 1
    return [path[common:] for path in paths]


def partitions_of(path: str) -> dict[str, str]:
    """The columns that the names of a file's folders give, as Hive writes them.

    Example:
        >>> from mclrec_tf.data.event_log.log_files import partitions_of
        >>> partitions_of("log/day=2026-01-31/country=de/part-0.csv")
        {'day': '2026-01-31', 'country': 'de'}
    """
    folders = path.split("/")[:-1]
    matches = [_PARTITION.fullmatch(folder) for folder in folders]
    return {
        match[1]: "" if match[2] == _NULL_PARTITION else urllib.parse.unquote(match[2])
        for match in matches
        if match
    }


def _by_name(path: str) -> tuple[list[str | int], str]:
    """So that part-9 comes before part-10."""
    parts = re.split(r"(\d+)", path, flags=re.ASCII)
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], path


def _find_files(path: str) -> list[str]:
    from tensorflow.io import gfile

    if gfile.isdir(path):
        return _in_folder(path)
    if os.path.exists(path) and not os.path.isfile(path):
        raise EventLogError(
            f"{path}: is a pipe or a device, which cannot be read twice. Write what comes out of "
            "it to a file."
        )
    files = [path] if gfile.exists(path) else _once_each(gfile.glob(path))
    if not files:
        raise EventLogError(f"{path}: no such file or folder, and no file matches it.")
    return [
        file for match in files for file in (_in_folder(match) if gfile.isdir(match) else [match])
    ]


def _once_each(matches: list[str]) -> list[str]:
    """The matches of a pattern without links to what it matches, too: day1.txt, latest.txt."""
    files = {match for match in matches if not os.path.islink(match)}
    return [match for match in matches if match in files or os.path.realpath(match) not in files]


def _in_folder(folder: str) -> list[str]:
    found = list(_walk(folder))
    files: list[str] = []
    others: list[str] = []
    for file in found:
        name = file.rsplit("/", 1)[-1]
        if _NO_LOG.search(name):
            continue
        (files if _LOG_NAME.search(name) else others).append(file)
    if files and others:
        raise EventLogError(
            f"{folder}: beside {len(files)} logs the folder holds {len(others)} files that may "
            f"belong to them but are not named like logs: {', '.join(others[:3])}. Move them, "
            f"name them like logs ({_NAMES}), or give a pattern of the files to read."
        )
    if not files:
        names = ", ".join(sorted(file[len(folder) :].lstrip("/") for file in found)[:5])
        raise EventLogError(
            f"{folder}: the folder holds no event log. Found: {names or 'nothing'}. In a folder, "
            f"logs are files named {_NAMES}; name one of another name by itself."
        )
    return files


def _walk(folder: str, root: str = "") -> Iterator[str]:
    """The files of a folder and of its folders, once each: no link leads to one again."""
    from tensorflow.io import gfile

    root = root or os.path.realpath(folder)
    for name in sorted(gfile.listdir(folder)):
        name = name.rstrip("/")
        if not name or name.startswith((".", "_")):
            continue
        path = gfile.join(folder, name)
        # A link out of the folder belongs to the log; what is in the folder would be read twice.
        if os.path.islink(path) and _within_each_other(os.path.realpath(path), root):
            continue
        if gfile.isdir(path):
            yield from _walk(path, root)
        else:
            yield path


def _within_each_other(first: str, second: str) -> bool:
    return (first + "/").startswith(second + "/") or (second + "/").startswith(first + "/")
