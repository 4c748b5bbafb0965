"""Opens the bytes of an event log wherever `tf.io.gfile` finds it, unpacked if they are packed.

What a file is packed with is told by its first bytes, not by its name.
"""

from __future__ import annotations

import bz2
import io
import lzma
import re
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO, cast

from mclrec_tf.data.event_log.events import EventLogError

_BUFFER_BYTES = 1 << 18
_PACKINGS = {
    rb"\x1f\x8b": "gzip",
    # A text may begin with BZh; what follows is pi, or the root of it in an empty file.
    rb"BZh[1-9](1AY&SY|\x17rE8P\x90)": "bzip2",
    rb"\xfd7zXZ\x00": "xz",
    rb"\x28\xb5\x2f\xfd": "Zstandard",
    rb"PK\x03\x04": "zip",
}
_EXCEL = re.compile(r"xl/workbook\.(xml|bin)")
# Of the Python file objects that the readers use, what a damaged file raises.
CANNOT_READ = (
    OSError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    NotImplementedError,
)


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
        try:
            self._file.seek(offset, whence=whence)
        except self._error as error:
            raise OSError(str(error)) from error
        return self._file.tell()

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


class _Gunzip:
    """zlib's reading of gzip with the interface of `bz2.BZ2Decompressor`."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        found = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        self.needs_input = len(found) < max_length
        return found


class _Unpacked(io.RawIOBase):
    """What packed streams one after the other hold, as far as each can be read.

    `bz2.open` and `lzma.open` take what cannot be read after a first stream for garbage that may be
    left out; here it is an error, because it may have been events. `gzip.open` gives nothing of
    what stands shortly before the damage, so that nobody knows in which row it is.
    """

    def __init__(self, data: io.BufferedReader, new: Callable[[], Any]) -> None:
        self._data = data
        self._new = new
        self._decompressor = new()
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            if self._decompressor.eof:
                self._rest = self._decompressor.unused_data.lstrip(b"\0") or self._data.read1(
                    _BUFFER_BYTES
                ).lstrip(b"\0")
                if not self._rest:
                    return 0
                self._decompressor = self._new()
            if self._decompressor.needs_input and not self._rest:
                self._rest = self._data.read1(_BUFFER_BYTES)
                if not self._rest:
                    raise EOFError("the compressed file ends too early")
            found = self._decompressor.decompress(self._rest, len(buffer))
            self._rest = b""
            if found:
                buffer[: len(found)] = found
                return len(found)

    def close(self) -> None:
        self._data.close()
        super().close()


def open_bytes(path: str) -> BinaryIO:
    """Opens a file for reading, local or remote, as it is."""
    return cast(BinaryIO, io.BufferedReader(_GFileBytes(path), _BUFFER_BYTES))


def packing(begin: bytes) -> str:
    """What a file that begins with these bytes is packed with, "" for nothing."""
    return next((name for magic, name in _PACKINGS.items() if re.match(magic, begin)), "")


def packing_of(data: BinaryIO) -> str:
    """What a file that `open_unpacked` has opened is packed with, "" for nothing."""
    return data.packed_with if isinstance(data, _ClosesBoth) else ""


def position(data: BinaryIO) -> int:
    """How many bytes of a file that `open_unpacked` has opened were read, packed as they are."""
    return data._packed.tell() if isinstance(data, _ClosesBoth) else data.tell()


def open_unpacked(path: str) -> BinaryIO:
    """Opens what a file holds, unpacked if it is gzip, bzip2, xz, Zstandard, or a zip of one file.

    Raises:
        EventLogError: A zip file holds several files, or none.
    """
    data: Any = open_bytes(path)
    try:
        packed_with = packing(data.peek(16)[:16])
        if packed_with == "gzip":
            unpacked: Any = _Unpacked(data, _Gunzip)
        elif packed_with == "bzip2":
            unpacked = _Unpacked(data, bz2.BZ2Decompressor)
        elif packed_with == "xz":
            unpacked = _Unpacked(data, lzma.LZMADecompressor)
        elif packed_with == "Zstandard":
            import pyarrow

            unpacked = pyarrow.CompressedInputStream(pyarrow.PythonFile(data, "r"), "zstd")
        elif packed_with == "zip":
            unpacked = _only_member(path, data)
        else:
            return cast(BinaryIO, data)
        return cast(BinaryIO, _ClosesBoth(unpacked, data, packed_with))
    except BaseException:
        data.close()
        raise


def seekable(data: BinaryIO) -> BinaryIO:
    """The same bytes where one can go back and forth, which Parquet needs."""
    if data.seekable() and not isinstance(data, _ClosesBoth):
        return data
    copy = tempfile.TemporaryFile()  # noqa: SIM115 (the caller closes it)
    try:
        with data:
            while part := data.read(_BUFFER_BYTES):
                copy.write(part)
        copy.seek(0)
    except BaseException:
        copy.close()
        raise
    return cast(BinaryIO, copy)


class _ClosesBoth(io.BufferedReader):
    """Closes the packed file along with what is read from it."""

    def __init__(self, unpacked: Any, packed: BinaryIO, packed_with: str) -> None:
        super().__init__(unpacked, _BUFFER_BYTES)
        self._packed = packed
        self.packed_with = packed_with

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        with suppress(*CANNOT_READ):  # what could not be read was told by the read
            super().close()
        self._packed.close()


def _only_member(path: str, data: BinaryIO) -> Any:
    archive = zipfile.ZipFile(data)
    members = [
        member
        for member in archive.infolist()
        if not member.is_dir() and not member.filename.startswith(("__MACOSX/", "."))
    ]
    if any(_EXCEL.fullmatch(member.filename) for member in members):
        raise EventLogError(f"{path}: looks like an Excel file: save the sheet as CSV.")
    if len(members) != 1:
        names = ", ".join(member.filename for member in members[:5]) or "nothing"
        raise EventLogError(
            f"{path}: the zip file holds {len(members)} files ({names}). Unpack it (unzip) and "
            "name the file that is the log."
        )
    if members[0].flag_bits & 1:
        raise EventLogError(f"{path}: the zip file has a password. Unpack it first.")
    return archive.open(members[0])
