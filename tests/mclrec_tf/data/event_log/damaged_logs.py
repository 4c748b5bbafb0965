"""Small logs of every format, and what can happen to their bytes."""

import functools
import io
import json
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import pyarrow
from pyarrow import parquet

from mclrec_tf.data.event_log.reader import EventLogFormat
from tests.mclrec_tf.data.event_log.written_logs import PACKED, iso

_BEGIN = 1_700_000_000


@dataclass(frozen=True)
class Log:
    """A log that can be read.

    Attributes:
        name: of the file.
        data: its bytes.
        format: how it is read.
        is_text: whether it is text in UTF-8 that is not packed.
        has_checksum: whether every change of its bytes can be noticed.
    """

    name: str
    data: bytes
    format: EventLogFormat = EventLogFormat()
    is_text: bool = True
    has_checksum: bool = False

    @property
    def has_header(self) -> bool:
        return self.data.lstrip(b'"').startswith(b"user_id")


def _events() -> list[tuple[str, str, int]]:
    users = ("ann", "bob", "Zoë", "u 4")
    return [(users[n % 4], f"i{n * 7 % 5}", _BEGIN + 86_400 * n) for n in range(24)]


def _table(
    separator: str, line_end: str = "\n", header: bool = True, quote: str = "", note: str = ""
) -> bytes:
    rows: list[tuple[object, ...]] = [(u, note, i, n) for n, (u, i, _) in enumerate(_events())]
    times = [time for *_, time in _events()]
    rows = [(user, text, item, times[n]) for user, text, item, n in rows]  # type: ignore[index]
    names: list[tuple[object, ...]] = [("user_id", "note", "item_id", "timestamp")]
    return "".join(
        separator.join(f"{quote}{field}{quote}" for field in row) + line_end
        for row in (names * header + rows)
    ).encode()


def _json(make: Callable[[str, str, int], object], show: Callable[[object], str]) -> bytes:
    return "".join(show(make(*event)) + "\n" for event in _events()).encode()


def _parquet(users: object, items: object, times: object, **options: object) -> bytes:
    file = io.BytesIO()
    table = pyarrow.table({"user_id": users, "n": [1] * 24, "item_id": items, "timestamp": times})
    parquet.write_table(table, file, version="2.6", row_group_size=10, **options)
    return file.getvalue()


@functools.cache
def logs() -> list[Log]:
    """Every format, each also packed in every way where that makes a difference."""
    users, items, times = map(list, zip(*_events(), strict=True))
    names = "user,-,item,timestamp"
    flat = _json(lambda u, i, t: {"user_id": u, "item_id": i, "timestamp": t}, json.dumps)
    nested = EventLogFormat("session", "events.aid", "events.ts")
    of_lists = _json(
        lambda u, i, t: {"session": u, "events": [{"aid": i, "ts": t}, {"aid": "x", "ts": t + 1}]},
        json.dumps,
    )
    dates = _table(",")
    for time in times:
        dates = dates.replace(str(time).encode(), iso(time * 10**9, 10**9, zone="Z").encode())
    ints = [pyarrow.array([n % 4 for n in range(24)]), pyarrow.array([n % 5 for n in range(24)])]
    uuids = pyarrow.array([uuid.UUID(int=n % 4).bytes for n in range(24)], pyarrow.binary(16))
    stamps = pyarrow.array([t * 1000 for t in times]).cast(pyarrow.timestamp("ms", "UTC"))
    decimals = pyarrow.array(list(map(Decimal, times)), pyarrow.decimal128(20, 3))
    typed = [
        _parquet(users, items, times),
        _parquet(*ints, stamps, compression="zstd"),
        _parquet(uuids, pyarrow.array(items).dictionary_encode(), decimals, compression="none"),
    ]
    found = [
        Log("log.csv", _table(",")),
        Log("log.csv", _table(",", "\r\n")),
        Log("log.csv", _table(",", "\r")),
        Log("log.csv", _table(",", quote='"')),
        Log("log.csv", _table(",", quote='"', note="two\nlines here")),
        Log("dates.csv", dates),
        Log("log.tsv", _table("\t", note='3" long')),
        Log("log.csv", _table(";")),
        Log("log.dat", _table("::")),
        Log("log.txt", _table("|", header=False), EventLogFormat(columns=names)),
        Log("log.data", _table("\t", header=False), EventLogFormat(columns=names)),
        Log("log.csv", _table(","), EventLogFormat(where="note == ''")),
        Log("log.csv", _table(",").replace(b"ann", b"x"), EventLogFormat(timestamp_column="")),
        Log(
            "log.txt",
            "".join(
                f"{u.replace(' ', '')} i1{' i2' * (n % 3)} {i}\n"
                for n, (u, i, _) in enumerate(_events())
            ).encode(),
        ),
        Log("log.json", flat),
        Log("log.jsonl", of_lists, nested),
        Log(
            "log.json",
            _json(lambda u, i, t: {"user_id": u, "item_id": i, "timestamp": t + 0.5}, repr),
        ),
    ]
    found += [Log("log.parquet", data, is_text=False) for data in typed]
    for encoding in ("utf-16", "utf-16-be", "utf-32"):
        mark = "\ufeff" * (encoding == "utf-16-be")
        data = (mark + _table(",").decode()).encode(encoding)
        found.append(Log("log.csv", data, is_text=False))
    for ending, packed in PACKED.items():
        # Of Zstandard the checksum is left out where pyarrow writes it.
        checksum = ending in (".gz", ".bz2", ".xz", ".zip")
        if ending:
            for plain in (found[0], found[14], found[17]):
                name, data = plain.name + ending, packed(plain.data)
                found.append(Log(name, data, plain.format, False, checksum))
    return found


def _truncated(data: bytes, by: random.Random, _: bytes) -> bytes:
    return data[: by.randrange(len(data) + 1)]


def _flipped(data: bytes, by: random.Random, _: bytes) -> bytes:
    changed = bytearray(data)
    for _place in range(by.choice([1, 1, 2, 8]) if data else 0):
        changed[by.randrange(len(data))] ^= 1 << by.randrange(8)
    return bytes(changed)


def _overwritten(data: bytes, by: random.Random, _: bytes) -> bytes:
    begin = by.randrange(len(data) + 1)
    size = by.choice([1, 3, 40])
    new = by.choice([bytes(size), by.randbytes(size), b"\xff" * size, b'"' * size, b"\n" * size])
    return data[:begin] + new + data[begin + size :]


def _cut_out(data: bytes, by: random.Random, _: bytes) -> bytes:
    begin, end = sorted(by.randrange(len(data) + 1) for _end in "be")
    return data[:begin] + data[end:]


def _repeated(data: bytes, by: random.Random, _: bytes) -> bytes:
    begin, end = sorted(by.randrange(len(data) + 1) for _end in "be")
    return data[:end] + data[begin:]


def _inserted(data: bytes, by: random.Random, _: bytes) -> bytes:
    begin = by.randrange(len(data) + 1)
    new = by.choice(
        [b'"', b"\0", b"\r", b"\n\n", b"\xe9", b"\xef\xbb\xbf", b",", b"\t", b"{", b"1e999"]
    )
    return data[:begin] + new * by.choice([1, 1, 500]) + data[begin:]


def _glued(data: bytes, by: random.Random, other: bytes) -> bytes:
    return data + other


def _glued_pieces(data: bytes, by: random.Random, other: bytes) -> bytes:
    return data[: by.randrange(len(data) + 1)] + other[by.randrange(len(other) + 1) :]


def _in_two_encodings(data: bytes, by: random.Random, other: bytes) -> bytes:
    encoding = by.choice(["utf-16", "utf-16-le", "utf-32", "latin-1", "utf-8-sig", "utf-7"])
    end = by.randrange(len(data) + 1)
    second = data[end:].decode("utf-8", "replace").encode(encoding, "replace")
    return data[:end] + second if by.random() < 0.7 else second + data[:end]


DAMAGES = [
    _truncated,
    _truncated,
    _flipped,
    _flipped,
    _overwritten,
    _cut_out,
    _repeated,
    _inserted,
    _glued,
    _glued_pieces,
    _in_two_encodings,
]
ADDING = (_glued, _glued_pieces, _repeated, _in_two_encodings)
NAMES = ["log.csv", "log.txt", "log.csv.gz", "log.parquet", "log.json", "log.zip", "log.inter", "x"]
