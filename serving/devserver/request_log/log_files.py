"""The files of a request log: ended by size and by time, deleted by age and all their size."""

import contextlib
import fcntl
import logging
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

_log = logging.getLogger(__name__)


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
    of the prefix, also those of other servers, count for the limits. The file that is being written
    is locked (flock), and no server deletes a file that another one has locked.

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
        self._locked = -1  # a descriptor of the file, which holds its lock
        self._writer: tf.io.TFRecordWriter | None = None
        self._began = 0.0  # of the monotonic clock, because the other one may be set back
        self._size = 0

    def write(self, record: bytes, now: float) -> None:
        """Adds a record of at most `file_bytes`.

        Where somebody has moved or deleted the file, or the folder, it begins another.

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
        if self._writer and not self._is_in_place():
            _log.warning("%s was moved or deleted while it was written: another begins", self._path)
            self.close()
        if not self._writer:
            self._begin(now)
        assert self._writer
        self._writer.write(record)
        self._size += size

    def tend(self) -> None:
        """Hands what is written to the operating system, and ends a file that is old enough.

        Raises:
            tf.errors.OpError: The disk is full.
        """
        if self._writer and time.monotonic() - self._began >= self._limits.file_seconds:
            self.close()
        elif self._writer:
            self._writer.flush()

    def delete_old(self, now: float) -> None:
        """Deletes files that are too old, and the oldest until a whole file has room.

        Raises:
            OSError: The folder cannot be read, or a file cannot be deleted.
        """
        room = self._limits.max_bytes - self._limits.file_bytes
        for changed, size, path in sorted(self._found(), reverse=True):
            if path == self._path:
                continue
            room -= size
            if room < 0 or now - changed > self._limits.max_days * _DAY:
                with contextlib.suppress(FileNotFoundError):  # another server has just deleted it
                    _delete_unless_locked(path)

    def close(self) -> None:
        """Ends the file that is being written. The next record begins another.

        Raises:
            tf.errors.OpError: The disk is full.
        """
        writer, self._writer, self._path = self._writer, None, ""
        locked, self._locked = self._locked, -1
        try:
            if writer:
                writer.close()
        finally:
            if locked >= 0:
                os.close(locked)

    def give_up(self) -> None:
        """Ends the file that is being written after a failure, and deletes it if it is empty."""
        path = self._path
        with contextlib.suppress(tf.errors.OpError):
            self.close()
        with contextlib.suppress(OSError):
            if path and not os.path.getsize(path):
                os.unlink(path)

    def _is_in_place(self) -> bool:
        try:
            return os.path.samestat(os.stat(self._path), os.fstat(self._locked))
        except OSError:
            return False

    def _found(self) -> list[tuple[float, int, str]]:
        """The time of the last change, the size and the path of each file of the prefix."""
        found = []
        with contextlib.suppress(FileNotFoundError), os.scandir(self._folder) as entries:
            for entry in entries:
                if self._ours.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                    with contextlib.suppress(FileNotFoundError):
                        status = entry.stat()
                        found.append((status.st_mtime, status.st_size, entry.path))
        return found

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
        self._locked = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        self._path, self._began, self._size = path, time.monotonic(), 0
        fcntl.flock(self._locked, fcntl.LOCK_EX)
        self._writer = tf.io.TFRecordWriter(path)


def _delete_unless_locked(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        os.unlink(path)
    except BlockingIOError:
        pass  # a server is writing it
    finally:
        os.close(descriptor)
