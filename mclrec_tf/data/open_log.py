"""Opens the bytes or the text of an event log wherever `tf.io.gfile` finds it."""

from __future__ import annotations

import gzip
import io
from typing import Any, TextIO

# TextIOWrapper reads what its buffer holds in pieces of 8 KB; the file is read in larger ones.
_BUFFER_BYTES = 1 << 18


class _GFileBytes(io.RawIOBase):
    """Gives a `tf.io.gfile.GFile` the interface that the io, gzip and pyarrow modules expect."""

    def __init__(self, path: str) -> None:
        import tensorflow as tf

        self._error: type[Exception] = tf.errors.OpError
        self._file = tf.io.gfile.GFile(path, "rb")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._file.read(len(buffer))
        except self._error as error:
            raise OSError(str(error)) from error
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._file.seek(offset, whence=whence)
        return self._file.tell()

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def open_bytes(path: str) -> io.BufferedReader:
    """Opens a file for reading, local or remote."""
    return io.BufferedReader(_GFileBytes(path), _BUFFER_BYTES)


def open_text(path: str) -> TextIO:
    """Opens a text file, decompressed if its name ends in .gz.

    A byte order mark is skipped, line ends are left as they are (the csv module wants them), and
    bytes that are not UTF-8 become lone surrogates, so that they spoil one row and not the file.
    """
    data: Any = open_bytes(path)
    if path.lower().endswith(".gz"):
        data = io.BufferedReader(_Gunzipped(data), _BUFFER_BYTES)
    return io.TextIOWrapper(data, "utf-8-sig", errors="surrogateescape", newline="")


class _Gunzipped(gzip.GzipFile):
    """Closes the compressed file along with itself, which `gzip.GzipFile` does not."""

    def __init__(self, data: io.BufferedReader) -> None:
        super().__init__(fileobj=data, mode="rb")
        self._data = data

    def close(self) -> None:
        super().close()
        self._data.close()
