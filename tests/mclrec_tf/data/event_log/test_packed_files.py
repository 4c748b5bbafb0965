"""Packed logs: what they hold, in bounded memory, up to where they are damaged."""

import bz2
import gzip
import io
import lzma
import random
import resource
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mclrec_tf.data.event_log.reader import Event, EventLogError, EventLogFormat, read_events
from tests.mclrec_tf.data.event_log.written_logs import PACKED, in_two_members, zipped

HEADER = "user_id,item_id,timestamp\n"
by = random.Random(0)
EVENTS = [Event(f"u{by.randrange(9**9)}", f"i{by.randrange(9**9)}", n) for n in range(20_000)]
TEXT = (HEADER + "".join("{},{},{}\n".format(*event) for event in EVENTS)).encode()
STREAMS: dict[str, Callable[[bytes], bytes]] = {
    **PACKED,
    "two": in_two_members,
    "two bz2": lambda data: bz2.compress(data[:999]) + bz2.compress(data[999:]),
    "two xz": lambda data: lzma.compress(data[:999]) + lzma.compress(data[999:]),
    "lzma of a zip": lambda data: _zip(data, zipfile.ZIP_LZMA),
    "stored in a zip": lambda data: _zip(data, zipfile.ZIP_STORED),
    "zeros at the end": lambda data: gzip.compress(data) + bytes(512),
}


def _zip(data: bytes, method: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("folder/", b"")
        archive.writestr("folder/log.csv", data)
        archive.writestr("__MACOSX/folder/._log.csv", b"Mac")
    return file.getvalue()


@pytest.mark.parametrize("packing", STREAMS)
def test_what_is_packed_is_read(tmp_path: Path, packing: str):
    (tmp_path / "log").write_bytes(STREAMS[packing](TEXT))
    assert [*read_events(tmp_path / "log", EventLogFormat())] == EVENTS


@pytest.mark.parametrize("packing", [".gz", ".bz2", ".xz", ".zst", "two bz2"])
@pytest.mark.parametrize("share", [0.5, 0.99])
def test_what_is_cut_is_told_after_what_can_be_read(tmp_path: Path, packing: str, share: float):
    packed = STREAMS[packing](TEXT)
    (tmp_path / "log").write_bytes(packed[: int(share * len(packed))])
    found = []
    with pytest.raises(EventLogError, match=r"log: row \d+ and all that follow cannot be read"):
        for row in read_events(tmp_path / "log", EventLogFormat()):
            found.append(row)
    assert found == EVENTS[: len(found)]
    assert len(found) < len(EVENTS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("packing", "filling"),
    [
        *((".gz", filling) for filling in (b"\0", b"t", b"\n", b'"', b"ann,tea,17\n")),
        *((packing, b"t") for packing in (".bz2", ".xz", ".zst", ".zip")),
    ],
)
def test_a_bomb_takes_bounded_memory(tmp_path: Path, packing: str, filling: bytes):
    """A few kilobytes that unpack to 400 MB."""
    once = filling * ((80 << 20) // len(filling))
    packed = PACKED[packing](HEADER.encode() + b'bob,"' * (filling == b'"') + once)
    if packing in (".gz", ".bz2", ".xz", ".zst"):
        packed += PACKED[packing](once) * 4
    del once
    (tmp_path / "bomb").write_bytes(packed)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows = 0
    try:
        for _ in read_events(tmp_path / "bomb", EventLogFormat()):
            rows += 1
            if rows == 50_000:
                break
    except EventLogError as error:
        assert str(tmp_path / "bomb") in str(error)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 200


def test_a_zip_file_of_several_logs_is_refused(tmp_path: Path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("ratings.csv", "movies.csv"):
            archive.writestr(name, TEXT)
    (tmp_path / "ml.zip").write_bytes(file.getvalue())
    with pytest.raises(EventLogError, match="ml.zip: .*2 files .ratings.csv, movies.csv"):
        [*read_events(tmp_path / "ml.zip", EventLogFormat())]


@pytest.mark.parametrize("cut", [5, 30, 60, 100])
def test_a_zip_file_that_is_cut_is_told(tmp_path: Path, cut: int):
    (tmp_path / "log.zip").write_bytes(zipped(TEXT)[:-cut])
    with pytest.raises(EventLogError, match="log.zip"):
        [*read_events(tmp_path / "log.zip", EventLogFormat())]
