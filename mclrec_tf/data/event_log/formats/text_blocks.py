"""Text files as blocks of whole lines in UTF-8, whatever encoding they are in."""

from __future__ import annotations

import codecs
import itertools
import re
from collections.abc import Iterator
from typing import BinaryIO

from mclrec_tf.data.event_log.events import EventLogError, damaged
from mclrec_tf.data.event_log.formats.packed_files import CANNOT_READ

BLOCK_BYTES = 1 << 20
LONGEST_LINE = 1 << 26
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, ""),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LINE_END = re.compile(b"\r\n|\n|\r")
_SPOIL = "mclrec_tf.spoil"
_LOST = b"\xfe"


def _spoiled(error: UnicodeError) -> tuple[str, int]:
    """Puts a byte that is not UTF-8 in place of what cannot be decoded.

    Half of a surrogate pair spoils its row. After anything else the text is lost, because nobody
    knows where its characters begin.
    """
    assert isinstance(error, UnicodeDecodeError)
    return "\udcff" if "surrogate" in error.reason else "\udcfe", error.end


codecs.register_error(_SPOIL, _spoiled)


class TextBlocks:
    """Blocks of whole lines, each ending with a line end, but for the last one of the file.

    A byte order mark is left out. Text in UTF-16 or UTF-32 becomes UTF-8; without a mark, text is
    taken for UTF-16 if every other one of its first bytes is NUL. Bytes of UTF-8 that cannot be
    decoded stay as they are, so that they spoil one row and not the file.

    Args:
        path: The file, for messages.
        data: Its bytes, unpacked.

    Raises:
        EventLogError: The file is damaged. What stands before the damage comes first.
    """

    def __init__(self, path: str, data: BinaryIO) -> None:
        self._path = path
        self._data = data
        self._blocks: Iterator[bytes] = self._read_blocks()
        self.row = 1
        """The line with which the block begins that came last."""
        self.encoding = "utf-8"
        """What the text is in, once a block was read."""

    def head(self) -> bytes:
        """The first block, which comes again as the first one."""
        first = next(self._blocks, b"")
        self._blocks = itertools.chain([first] if first else [], self._blocks)
        return first

    def __iter__(self) -> Iterator[bytes]:
        return self._blocks

    def _read_blocks(self) -> Iterator[bytes]:
        rest = b""
        begins = True
        decode = None
        error: Exception | None = None
        while error is None:
            part, error = self._read()
            ended = len(part) < BLOCK_BYTES and error is None
            if begins and part:
                mark, encoding = _encoding(part)
                part = part[mark:]
                if encoding:
                    self.encoding = encoding
                    decode = codecs.getincrementaldecoder(encoding)(_SPOIL).decode
                begins = False
            if decode is not None:
                part = decode(part, final=ended).encode("utf-8", "surrogateescape")
                part, lost, _ = part.partition(_LOST)
                if lost:
                    error = error or UnicodeError(f"the text is no longer {self.encoding}")
                    ended = False
            rest += part
            # A carriage return at the very end may be half of a line end.
            end = max(rest.rfind(b"\n"), rest.rfind(b"\r", 0, len(rest) - 1)) + 1
            if end and not ended:
                yield from self._counted(rest[:end])
                rest = rest[end:]
            elif not end and len(rest) > LONGEST_LINE:
                looks = "This is no event log."
                if rest.lstrip().startswith(b"["):
                    looks = "Of a JSON list write one object a line, for example with jq -c '.[]'."
                raise EventLogError(
                    f"{self._path}: row {self.row} is longer than {LONGEST_LINE >> 20} MiB. {looks}"
                )
            if ended:
                break
        if error is not None:
            raise damaged(self._path, self.row, error) from error
        if rest:
            yield from self._counted(rest)

    def _counted(self, block: bytes) -> Iterator[bytes]:
        yield block
        self.row += count_lines(block)

    def _read(self) -> tuple[bytes, Exception | None]:
        """As much as there is, up to a block, and what stopped the reading, if it was damage."""
        parts = []
        missing = BLOCK_BYTES
        try:
            while missing > 0 and (part := self._data.read1(missing)):  # type: ignore[attr-defined]
                parts.append(part)
                missing -= len(part)
        except CANNOT_READ as error:
            return b"".join(parts), error
        return b"".join(parts), None


def split_lines(block: bytes) -> list[bytes]:
    """The lines of a block, whatever ends them; after the last line end comes an empty one."""
    return _LINE_END.split(block)


def texts_of(block: bytes) -> list[str]:
    """The lines of a block that are not blank, as text; bytes that are none become surrogates."""
    lines = (line.decode("utf-8", "surrogateescape") for line in split_lines(block))
    return [line for line in lines if line.strip()]


def count_lines(block: bytes) -> int:
    """The lines of a block; one that does not end counts, too."""
    ends = block.count(b"\n")
    if b"\r" in block:
        ends += block.count(b"\r") - block.count(b"\r\n")
    return ends + (not block.endswith((b"\n", b"\r")))


def _encoding(begin: bytes) -> tuple[int, str]:
    """The length of the byte order mark, and the encoding, "" for UTF-8."""
    for mark, encoding in _BOMS:
        if begin.startswith(mark):
            return len(mark), encoding
    head = begin[:64]
    if len(head) >= 8:
        for odd, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
            zeros, others = head[odd::2], head[1 - odd :: 2]
            if zeros.count(0) > 0.9 * len(zeros) and others.count(0) == 0:
                return 0, encoding
    return 0, ""
