"""The files of a request log, and the records in them."""

import os
import re
from collections.abc import Iterator

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import prediction_log_pb2

_GZIP = b"\x1f\x8b"
_AT_ONCE = 1024
# What TensorFlow says of a file that ends within a record. Of bytes that were changed it says
# "corrupted record".
_CUT_SHORT = "truncated record"
_NO_RECORD = (
    ": holds no whole record and was left out. A server has just begun it, or it is no TFRecord "
    "file."
)
_INTERNALS = re.compile(r"\{\{.*?\}\}|\[Op:.*", re.DOTALL)
"""What TensorFlow says of itself around a reason."""


class RequestLogError(ValueError):
    """A request log cannot be used. The message names the file and the record."""


def log_files(pattern: str | os.PathLike[str]) -> list[str]:
    """The files of a request log, in the order of their names.

    Args:
        pattern: A file, a glob pattern, or a folder, of which all files are taken but hidden ones.

    Raises:
        RequestLogError: There is no such file.
    """
    pattern = os.fspath(pattern)
    # Names are looked for first, because they may have the brackets of a pattern.
    if tf.io.gfile.isdir(pattern):
        found = [os.path.join(pattern, name) for name in tf.io.gfile.listdir(pattern)]
    elif tf.io.gfile.exists(pattern):
        found = [pattern]
    else:
        found = tf.io.gfile.glob(pattern)
    files = sorted(
        file
        for file in found
        if not os.path.basename(file).startswith(".") and not tf.io.gfile.isdir(file)
    )
    if not files:
        raise RequestLogError(
            f"{pattern}: no file matches. Give the TFRecord files that a server has logged."
        )
    return files


def raw_records(file: str, notes: list[str]) -> Iterator[list[bytes]]:
    """Yields the records of a file, many at once.

    A last record that is incomplete is left out and noted, because a server may be writing it.

    Args:
        file: A TFRecord file, plain or packed by gzip.
        notes: Gets a sentence on what was left out.

    Raises:
        RequestLogError: The file cannot be read, or is damaged before its end.
    """
    untuned = tf.data.Options()
    untuned.autotune.enabled = False  # Otherwise the end of a file would wait for the tuner.
    read = 0
    try:
        with tf.io.gfile.GFile(file, "rb") as head:
            begin = head.read(len(_GZIP))
        is_packed = begin == _GZIP
        records = tf.data.TFRecordDataset(file, "GZIP" if is_packed else "").with_options(untuned)
        try:
            for batch in records.batch(_AT_ONCE).as_numpy_iterator():
                read += len(batch)
                yield batch.tolist()
        except tf.errors.DataLossError:
            # It takes the whole of its batch with it.
            for record in records.skip(read).as_numpy_iterator():
                read += 1
                yield [record]
        if begin and not is_packed and not read:  # TensorFlow takes less than a head for the end
            notes.append(file + _NO_RECORD)
    except tf.errors.DataLossError as error:
        if _CUT_SHORT not in error.message:
            raise RequestLogError(
                f"{file}: cannot be read after record {read:,}: it is damaged, or no TFRecord "
                "file. Copy it again, or leave it out."
            ) from error
        notes.append(
            f"{file}: the record after number {read:,} is incomplete and was left out."
            if read
            else file + _NO_RECORD
        )
    except tf.errors.OpError as error:
        reason = _INTERNALS.sub("", error.message).strip()
        raise RequestLogError(f"{file}: cannot be read: {reason}.") from error


def prediction_log(record: bytes) -> prediction_log_pb2.PredictionLog | None:
    """The log of a request; None if a record is something else, such as an Example.

    Any Example can be read as a PredictionLog that holds no request, and the other way round.

    Args:
        record: A record of a TFRecord file.
    """
    try:
        log = prediction_log_pb2.PredictionLog.FromString(record)
    except DecodeError:
        return None
    return log if log.WhichOneof("log_type") else None


def is_request_log(path: str | os.PathLike[str]) -> bool:
    """Whether the first record of any of some files is the log of a request.

    Of a log with a foreign file among the others, `read_requests` says which one it is.

    Args:
        path: As for `log_files`.
    """
    try:
        return any(_is_log_file(file) for file in log_files(path))
    except RequestLogError:
        return False  # whoever reads it as something else says that there is no file


def _is_log_file(file: str) -> bool:
    try:
        records = next(raw_records(file, []), [])
    except RequestLogError:
        return False
    return bool(records) and prediction_log(records[0]) is not None
