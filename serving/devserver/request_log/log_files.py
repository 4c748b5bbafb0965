"""The files of a request log: ended by size and by time, deleted by age and all their size."""

import contextlib
import os
import re
import socket
import time
from dataclasses import dataclass

import tensorflow as tf

_ENDING = ".tfrecord"
_STAMP = "%Y%m%dT%H%M%SZ"
_NO_NAME = re.compile(r"[^A-Za-z0-9.]+")
_DAY = 86_400


@dataclass(frozen=True)
class LogLimits:
    """How much of what was asked is kept, and for how long.

    Args:
        max_bytes: The size of all files of a prefix; the oldest are deleted first.
        max_days: The age at which a file is deleted.
        file_seconds: The time after which a new file is begun.
    """

    max_bytes: int = 2**30
    max_days: float = 30.0
    file_seconds: float = 3600.0

    @property
    def file_bytes(self) -> int:
        """The largest size of a file. The bound on all of them is kept by deleting whole ones."""
        return min(64 * 2**20, self.max_bytes // 8)


class LogFiles:
    """The TFRecord files of one prefix, of which one is being written. Used by one thread.

    Only their owner may read them (mode 0600), because histories are personal data. A file is
    named `PREFIX-TIME-HOST-PROCESS-NUMBER.tfrecord`, so that servers may share a folder; all files
    of the prefix, also those of other servers, count for the limits.

    Args:
        prefix: The folder, and how the names of the files begin.
        limits: When a file ends and when it is deleted.

    Example:

    >>> from serving.devserver.request_log.log_files import LogFiles, LogLimits
    >>> files = LogFiles("/var/log/requests/mclrec", LogLimits(max_days=7))
    >>> files.write(record, time.time())
    >>> files.close()
    """

    def __init__(self, prefix: str, limits: LogLimits):
        self._folder, self._name = os.path.split(prefix)
        self._limits = limits
        self._ours = re.compile(rf"{re.escape(self._name)}-\d{{8}}T\d{{6}}Z-.*{re.escape(_ENDING)}")
        self._number = 0
        self._path = ""
        self._writer: tf.io.TFRecordWriter | None = None
        self._began = 0.0
        self._size = 0

    def write(self, record: bytes, now: float) -> None:
        """Adds a record of at most `file_bytes`.

        Args:
            record: A serialised PredictionLog.
            now: Seconds since 1970.

        Raises:
            OSError: The folder cannot be written to.
            tf.errors.OpError: The same, or the disk is full.
        """
        size = len(record) + 16  # the frame of a TFRecord
        if self._writer and self._size + size > self._limits.file_bytes:
            self.close()
        if not self._writer:
            self._begin(now)
        assert self._writer
        self._writer.write(record)
        self._size += size

    def tend(self, now: float) -> None:
        """Hands what is written to the operating system, and ends a file that is old enough.

        Raises:
            tf.errors.OpError: The disk is full.
        """
        if self._writer and now - self._began >= self._limits.file_seconds:
            self.close()
        elif self._writer:
            self._writer.flush()

    def delete_old(self, now: float) -> None:
        """Deletes files that are too old, and the oldest until a whole file has room.

        Raises:
            OSError: The folder cannot be read, or a file cannot be deleted.
        """
        room = self._limits.max_bytes - self._limits.file_bytes
        if not os.path.isdir(self._folder):
            return
        with os.scandir(self._folder) as entries:
            found = [entry for entry in entries if self._ours.fullmatch(entry.name)]
        newest_first = sorted((e.stat().st_mtime, e.stat().st_size, e.path) for e in found)[::-1]
        for changed, size, path in newest_first:
            if path == self._path:
                continue
            room -= size
            if room < 0 or now - changed > self._limits.max_days * _DAY:
                os.unlink(path)

    def close(self) -> None:
        """Ends the file that is being written. The next record begins another.

        Raises:
            tf.errors.OpError: The disk is full.
        """
        writer, self._writer, self._path = self._writer, None, ""
        if writer:
            writer.close()

    def give_up(self) -> None:
        """Ends the file that is being written after a failure, and deletes it if it is empty."""
        path = self._path
        with contextlib.suppress(tf.errors.OpError):
            self.close()
        with contextlib.suppress(OSError):
            if path and not os.path.getsize(path):
                os.unlink(path)

    def _begin(self, now: float) -> None:
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        self.delete_old(now)
        host = _NO_NAME.sub(".", socket.gethostname())
        stamp = time.strftime(_STAMP, time.gmtime(now))
        self._number += 1
        name = f"{self._name}-{stamp}-{host}-{os.getpid()}-{self._number:06d}{_ENDING}"
        path = os.path.join(self._folder, name)
        # TensorFlow would make the file readable for everybody; it leaves the mode of one that is
        # there as it is.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        self._path, self._began, self._size = path, now, 0
        self._writer = tf.io.TFRecordWriter(path)
