"""Reads the histories of users with Beam, from an event log or from Examples."""

import os
from collections.abc import Iterator

import apache_beam as beam
import tensorflow as tf
from google.protobuf.message import DecodeError

from mclrec_tf.data.event_log.reader import EventLogFormat
from pipeline.components.example_gen.event_log.log_checks import check_bad_rows, check_readable
from pipeline.components.example_gen.event_log.newest_spans import has_spans, log_files
from pipeline.components.example_gen.event_log.read_log import read_log, read_summaries
from pipeline.components.example_gen.histories.user_history import UserHistory

_TFRECORD = "tfrecord"


class HistoriesError(ValueError):
    """The Examples or JSON lines cannot be used. The message names the file and says what to do."""


class EventLogHistories:
    """The histories of all users of an event log, ordered as ExampleGen orders them.

    Users and items are not filtered, because the model itself drops items that it does not know.

    Args:
        path: The log: a file, a folder or a glob pattern. If it has spans, all of them are read.
        format: How the log is read.
        max_bad_rows: The largest share of unusable rows, from 0 to 1.

    Raises:
        EventLogError: There is no such file.
    """

    def __init__(
        self, path: str | os.PathLike[str], format: EventLogFormat, max_bad_rows: float
    ) -> None:
        path = os.fspath(path)
        self._path = path
        self._format = format
        self._max_bad_rows = max_bad_rows
        self._files, _ = log_files(path, format, window=0)

    def read(self, pipeline: beam.Pipeline, folder: str) -> beam.PCollection[UserHistory]:
        """Adds the reading to a pipeline.

        Args:
            pipeline: A Beam pipeline.
            folder: The folder that gets the summaries of the files.
        """
        return read_log(pipeline, self._files, self._format, folder)

    def check(self, folder: str) -> None:
        """Checks what was read, after the pipeline has run.

        Args:
            folder: The folder that was given to `read`.

        Raises:
            EventLogError: A file could not be read, or too many rows are unusable.
        """
        summaries = read_summaries(folder)
        check_readable(summaries)
        check_bad_rows(self._path, summaries, self._max_bad_rows)


class ExampleHistories:
    """The histories in TFRecord files of Examples.

    Args:
        path: A file, a folder or a glob pattern. In a folder, files whose names contain "tfrecord"
            are read.

    Raises:
        HistoriesError: There is no such file, or the first one cannot be used.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        path = os.fspath(path)
        pattern = os.path.join(path, f"*{_TFRECORD}*") if tf.io.gfile.isdir(path) else path
        files = tf.io.gfile.glob(pattern)
        if not files:
            raise HistoriesError(f"{path}: no file matches. Give TFRecord files of Examples.")
        # This check is made here, because each runner wraps errors on its workers in its own way.
        next(_histories(files[0]), None)
        self._files = files

    def read(self, pipeline: beam.Pipeline, folder: str) -> beam.PCollection[UserHistory]:
        """Adds the reading to a pipeline. The folder is not used."""
        del folder
        return (
            pipeline
            | "Files" >> beam.Create(self._files)
            | "OneFileAWorker" >> beam.Reshuffle()
            | "ReadExamples" >> beam.FlatMap(_histories)
        )

    def check(self, folder: str) -> None:
        """Does nothing, because Examples are checked while they are read."""
        del folder


def _histories(file: str) -> Iterator[UserHistory]:
    """Reads a file. Beam's own reader is not used: its errors name neither file nor record."""
    untuned = tf.data.Options()
    untuned.autotune.enabled = False  # Otherwise the end of a file would wait for the tuner.
    number = 0
    records = tf.data.TFRecordDataset(file, "GZIP" if file.endswith(".gz") else "")
    try:
        for record in records.with_options(untuned).as_numpy_iterator():
            number += 1
            yield _parse(record)
    except tf.errors.OpError as error:
        is_damaged = isinstance(error, tf.errors.DataLossError)
        reason = "the file is truncated or damaged" if is_damaged else error.message
        raise HistoriesError(
            f"{file}: cannot be read after Example {number}: {reason}. Copy it again."
        ) from error
    except (DecodeError, ValueError) as error:
        raise HistoriesError(
            f"{file}: Example {number} {error}. Give the Examples of pipeline.run_local, for "
            "example those of Split-test."
        ) from error


def _parse(record: bytes) -> UserHistory:
    feature = tf.train.Example.FromString(record).features.feature
    missing = [name for name in ("user_id", "history") if name not in feature]
    if missing:
        raise ValueError(f"has no feature {' and no '.join(missing)}")
    user_ids = feature["user_id"].bytes_list.value
    if len(user_ids) != 1:
        raise ValueError(f"must have one byte string in user_id, got {len(user_ids)}")
    if feature["history"].WhichOneof("kind") not in ("bytes_list", None):
        raise ValueError("must have a history of byte strings, got numbers")
    return UserHistory(user_ids[0], list(feature["history"].bytes_list.value), [])


def find_histories(
    path: str | os.PathLike[str], format: EventLogFormat, max_bad_rows: float
) -> EventLogHistories | ExampleHistories:
    """Distinguishes Examples from an event log by the names of the files.

    Args:
        path: An event log, or Examples.
        format, max_bad_rows: As for `EventLogHistories`.

    Raises:
        EventLogError: There is no such event log.
        HistoriesError: The Examples cannot be used.
    """
    path = os.fspath(path)
    is_folder = not has_spans(path) and tf.io.gfile.isdir(path)
    names = tf.io.gfile.listdir(path) if is_folder else [os.path.basename(path)]
    if any(_TFRECORD in name for name in names):
        return ExampleHistories(path)
    return EventLogHistories(path, format, max_bad_rows)
