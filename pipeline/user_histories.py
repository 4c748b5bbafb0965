"""The histories of users, from an event log or from Examples, as Beam reads them."""

import os

import apache_beam as beam
import tensorflow as tf

from mclrec_tf.data.event_log import EventLogFormat
from pipeline.example_gen.checks import check_bad_rows, check_readable
from pipeline.example_gen.read_log import read_log, read_summaries
from pipeline.example_gen.spans import has_spans, log_files
from pipeline.example_gen.user_history import UserHistory

_TFRECORD = "tfrecord"


class HistoriesError(ValueError):
    """The Examples cannot be used. The message names the file and says what to do."""


class EventLogHistories:
    """Every user of an event log with all events, ordered as ExampleGen orders them.

    Nobody is filtered out: the model itself drops the items that it does not know.

    Args:
        path: the log, perhaps with spans, of which all are read.
        format: names of its columns.
        max_bad_rows: largest share of unusable rows.
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
        """Adds the reading to a pipeline, which leaves notes in the folder."""
        return read_log(pipeline, self._files, self._format, folder)

    def check(self, folder: str) -> None:
        """Raises EventLogError if a file was not readable or too many rows were unusable."""
        summaries = read_summaries(folder)
        check_readable(summaries)
        check_bad_rows(self._path, summaries, self._max_bad_rows)


class ExampleHistories:
    """Every user of TFRecord files of Examples, with the history that stands there.

    Args:
        path: a file, a folder or a glob; the names hold "tfrecord".
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        path = os.fspath(path)
        pattern = os.path.join(path, f"*{_TFRECORD}*") if tf.io.gfile.isdir(path) else path
        files = tf.io.gfile.glob(pattern)
        if not files:
            raise HistoriesError(f"{path}: no file matches.")
        compression = "GZIP" if files[0].endswith(".gz") else ""
        # Told here, because of an error on a worker each runner makes something else.
        for record in tf.data.TFRecordDataset(files[:1], compression).take(1).as_numpy_iterator():
            _check(tf.train.Example.FromString(record), files[0])
        self._pattern = pattern

    def read(self, pipeline: beam.Pipeline, folder: str) -> beam.PCollection[UserHistory]:
        """Adds the reading to a pipeline."""
        del folder
        return (
            pipeline
            | "ReadExamples" >> beam.io.ReadFromTFRecord(self._pattern)
            | "Parse" >> beam.Map(_parse)
        )

    def check(self, folder: str) -> None:
        """What is wrong with an Example is told while it is read."""
        del folder


def _parse(record: bytes) -> UserHistory:
    feature = tf.train.Example.FromString(record).features.feature
    (user_id,) = feature["user_id"].bytes_list.value
    return UserHistory(user_id, list(feature["history"].bytes_list.value), [])


def _check(example: tf.train.Example, file: str) -> None:
    missing = [name for name in ("user_id", "history") if name not in example.features.feature]
    if missing:
        raise HistoriesError(
            f"{file}: the first Example has no feature {' and no '.join(missing)}. Give the "
            "Examples of pipeline.run_local, for example those of Split-test."
        )


def find_histories(
    path: str | os.PathLike[str], format: EventLogFormat, max_bad_rows: float
) -> EventLogHistories | ExampleHistories:
    """Tells Examples from an event log by the names of the files.

    Args:
        path: an event log, or Examples.
        format, max_bad_rows: as for `EventLogHistories`.

    Raises:
        EventLogError, HistoriesError: there is nothing, or nothing that can be read.
    """
    path = os.fspath(path)
    is_folder = not has_spans(path) and tf.io.gfile.isdir(path)
    names = tf.io.gfile.listdir(path) if is_folder else [os.path.basename(path)]
    if any(_TFRECORD in name for name in names):
        return ExampleHistories(path)
    return EventLogHistories(path, format, max_bad_rows)
