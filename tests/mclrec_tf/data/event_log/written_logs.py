"""One table of events in the many ways in which people write them: what `written` draws.

Times are nanoseconds since 1970 here, whatever the file counts them in.
"""

import bz2
import csv
import gzip
import io
import json
import lzma
import uuid
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow
from hypothesis import strategies as st
from pyarrow import parquet

from mclrec_tf.data.event_log.reader import EventLogFormat

Draw = Callable[[st.SearchStrategy[Any]], Any]

NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
DAY = 86_400 * 10**9
_BEGIN_1980, _END = 315_532_800 * 10**9, 4_102_444_800 * 10**9
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Happened(NamedTuple):
    user: str
    item: str
    time: int


@dataclass(frozen=True)
class Table:
    """Events in the order of a log.

    Attributes:
        events: two users at least, each with three different events at least.
        id_kind: "text", "int" for ids that are whole numbers as Python writes them, or "uuid".
        precision: nanoseconds of which all times are multiples.
    """

    events: list[Happened]
    id_kind: str
    precision: int

    def write_plain(self, path: Path) -> Path:
        """As a plain CSV in seconds: what all other ways are compared with."""
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["user_id", "item_id", "timestamp"])
            writer.writerows((e.user, e.item, number(e.time, 10**9)) for e in self.events)
        return path

    def times(self) -> list[int]:
        """The times of all histories, one after the other, as they have to be read."""
        users = dict.fromkeys(event.user for event in self.events)
        different = dict.fromkeys(self.events)
        return [time for u in users for time in sorted(e.time for e in different if e.user == u)]


_TEXT_IDS = st.text(
    st.one_of(
        st.sampled_from(list("ab01,;|:\t\"' {}[]#=.-\\\u00a0\ufeff\u2028\x85\x1f\x0b")),
        st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"),
    ),
    min_size=1,
    max_size=6,
)


@st.composite
def tables(draw: Draw) -> Table:
    id_kind = draw(st.sampled_from(["text", "text", "int", "uuid"]))
    ids = {
        "text": _TEXT_IDS,
        "int": st.one_of(st.integers(0, 20), st.integers(0, 2**53)).map(str),
        "uuid": st.uuids().map(str),
    }[id_kind]
    users = draw(st.lists(ids, min_size=2, max_size=4, unique=True))
    items = draw(st.lists(ids, min_size=2, max_size=5, unique=True))
    precision = draw(st.sampled_from([1, 10**3, 10**6, 10**9, 10**9, DAY]))
    least, most = draw(st.sampled_from([(-60 * 365 * DAY, -DAY), (_BEGIN_1980, _END - 10 * DAY)]))
    step = draw(st.integers(-(-least // precision), most // precision))
    # A few times close together, so that some are equal and some differ by a fraction.
    steps = st.one_of(st.integers(step, step + 5), st.integers(-(-least // precision), step))
    times = steps.map(lambda chosen: chosen * precision)
    pairs = st.lists(st.tuples(st.sampled_from(items), times), min_size=3, max_size=6, unique=True)
    events = [Happened(user, *pair) for user in users for pair in draw(pairs)]
    # Two items at least.
    events[0] = events[0]._replace(item=items[0])
    for place, item in enumerate(items[:3]):
        events.append(Happened(users[0], item, (step + place) * precision))
        events.append(Happened(users[1], item, (step + place) * precision))
    events += draw(st.lists(st.sampled_from(events), max_size=2))
    return Table(draw(st.permutations(events)), id_kind, precision)


def number(nanoseconds: int, unit: int) -> str:
    """A time as a number of units, with as many decimals as it needs."""
    value = Decimal(nanoseconds) / unit
    whole = value == value.to_integral_value()
    return str(int(value)) if whole else format(value.normalize(), "f")


def iso(nanoseconds: int, precision: int, hours: int = 0, zone: str = "", middle: str = "T") -> str:
    """A time as ISO 8601 text."""
    moment = _EPOCH + timedelta(seconds=nanoseconds // 10**9, hours=hours)
    digits = {DAY: 0, 10**9: 0, 10**6: 3, 10**3: 6, 1: 9}[precision]
    fraction = f".{nanoseconds % 10**9:09}"[: digits + 1] if digits else ""
    return f"{moment:%Y-%m-%d}{middle}{moment:%H:%M:%S}{fraction}{zone}"


class TimeStyle(NamedTuple):
    """How a file writes times: as text, and how many nanoseconds its numbers count."""

    text: Callable[[int], str]
    unit: int
    is_number: bool


def time_style(draw: Draw, table: Table) -> TimeStyle:
    kind = draw(st.sampled_from(["number", "iso", "decimals"]))
    if kind == "number":
        unit = NANOSECONDS[draw(st.sampled_from(["s", "ms", "us", "ns"]))]
        return TimeStyle(lambda time: number(time, unit), unit, True)
    if kind == "decimals":
        return TimeStyle(lambda time: format(Decimal(time) / 10**9, ".9f"), 10**9, True)
    if table.precision == DAY and draw(st.booleans()):
        return TimeStyle(lambda time: iso(time, DAY)[:10], 10**9, False)
    middle = draw(st.sampled_from("T "))
    hours, zone = draw(
        st.sampled_from([(0, ""), (0, "Z"), (0, " UTC"), (2, "+02:00"), (-5, "-0500"), (9, "+09")])
    )
    return TimeStyle(lambda t: iso(t, table.precision, hours, zone, middle), 10**9, False)


@dataclass(frozen=True)
class Written:
    """A log on disk: where, how to read it, and what its times count in nanoseconds."""

    path: Path
    format: EventLogFormat
    unit: int
    max_bad_rows: float = 0.0
    how: str = field(default="", compare=False)


_NAMES = [
    ("user_id", "item_id", "timestamp"),
    ("visitorid", "itemid", "t"),
    ("who", "what happened", "when"),
    ("customer.id", "article", "t_dat"),
]


@st.composite
def written(draw: Draw, table: Table, folder: Path) -> Written:
    """Writes a table into a new folder, in a way that it can be written in."""
    kind = draw(st.sampled_from(["separated", "separated", "recbole", "json", "parquet"]))
    way = {"separated": _separated, "recbole": _recbole, "json": _json, "parquet": _parquet}[kind]
    return way(draw, table, folder)


# --- text tables ---------------------------------------------------------------------------------

_SEPARATORS = [",", ",", "\t", ";", "|", "::", " "]
_ENDINGS = {",": ".csv", "\t": ".tsv", ";": ".csv", "|": ".dat", "::": ".dat", " ": ".data"}
_LONE = st.text(st.characters(codec="ascii", exclude_characters="\r\n\0"), max_size=5)


def _separated(draw: Draw, table: Table, folder: Path) -> Written:
    separator = draw(st.sampled_from(_SEPARATORS))
    quotes = separator in (",", ";", "|")
    if not quotes and any(not _fits(e.user + e.item, separator) for e in table.events):
        separator, quotes = ",", True
    style = time_style(draw, table)
    if not _fits(style.text(table.events[0].time), separator) and not quotes:
        style = TimeStyle(lambda time: number(time, 10**9), 10**9, True)
    user, item, time = draw(
        st.sampled_from([n for n in _NAMES if separator != " " or n[0] != "who"])
    )
    rows = [{user: e.user, item: e.item, time: style.text(e.time)} for e in table.events]
    where = _add_filtered(draw, rows)
    extra = (
        st.text(min_size=0, max_size=3) if quotes else _LONE.filter(lambda t: _fits(t, separator))
    )
    extra = extra.filter(lambda text: "\0" not in text and _encodes(text))
    others = draw(st.integers(0, 2))
    for row in rows:
        row.update((f"other{place}", draw(extra)) for place in range(others))
    names = draw(st.permutations(list(rows[0])))
    has_header = draw(st.booleans())
    all_quoted = quotes and draw(st.booleans())
    line_end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    if not has_header and _may_be_misread(rows, names):
        has_header = True

    def text(part: Sequence[dict[str, str]]) -> str:
        records = [[row[name] for name in names] for row in part]
        records = [names, *records] if has_header else records
        if not quotes:
            return "".join(separator.join(record) + line_end for record in records)
        file = io.StringIO(newline="")
        # The csv module leaves a line end of another kind than its own without quotes.
        bare = all(_fits(field, "") for record in records for field in record)
        quoting = csv.QUOTE_MINIMAL if bare and not all_quoted else csv.QUOTE_ALL
        csv.writer(file, delimiter=separator, quoting=quoting, lineterminator=line_end).writerows(
            records
        )
        return file.getvalue()

    columns = (
        ""
        if has_header
        else ",".join(_column_name(draw, n, (user, item, time, where)) for n in names)
    )
    separated_by = separator if not has_header or draw(st.booleans()) else ""
    format = EventLogFormat(user, item, time, columns, separated_by, where)
    _write_parts(draw, folder, rows, lambda part: _encoded(draw, text(part)), _ENDINGS[separator])
    return Written(
        folder, format, style.unit, how=f"{separator!r} {line_end!r} header {has_header}"
    )


def _column_name(draw: Draw, name: str, needed: tuple[str, ...]) -> str:
    is_needed = name in needed[:3] or name in needed[3]
    return name if is_needed or draw(st.booleans()) else "-"


def _fits(text: str, separator: str) -> bool:
    """Whether a text may be a field of a table without quotes."""
    return not any(character in text for character in (*separator, "\r", "\n"))


def _may_be_misread(rows: Sequence[dict[str, str]], names: Sequence[str]) -> bool:
    """Whether the first row would be a byte order mark, an object or the like."""
    return any(row[names[0]].startswith("\ufeff") for row in rows)


def _encodes(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _encoded(draw: Draw, text: str) -> bytes:
    encoding = draw(
        st.sampled_from(
            ["utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-32-be"]
        )
    )
    mark = "\ufeff" if encoding in ("utf-16-be", "utf-32-be") else ""
    return (mark + text).encode(encoding)


def _recbole(draw: Draw, table: Table, folder: Path) -> Written:
    if any(not _fits(e.user + e.item, "\t") for e in table.events):
        return _separated(draw, table, folder)
    style = time_style(draw, table)
    rows = [
        {"user_id": e.user, "item_id": e.item, "rating": "3.5", "timestamp": style.text(e.time)}
        for e in table.events
    ]
    types = {"user_id": "token", "item_id": "token", "rating": "float", "timestamp": "float"}
    names = draw(st.permutations(list(types)))

    def text(part: Sequence[dict[str, str]]) -> bytes:
        lines = ["\t".join(f"{name}:{types[name]}" for name in names)]
        lines += ["\t".join(row[name] for name in names) for row in part]
        return _encoded(draw, "\n".join(lines))

    _write_parts(draw, folder, rows, text, ".inter")
    return Written(folder, EventLogFormat(), style.unit, how="RecBole")


# --- JSON lines ----------------------------------------------------------------------------------


def _json(draw: Draw, table: Table, folder: Path) -> Written:
    style = time_style(draw, table)
    as_numbers = style.is_number and draw(st.booleans())
    ids_as_numbers = table.id_kind == "int" and draw(st.booleans())
    shape = draw(st.sampled_from(["flat", "nested", "lists"]))
    # Python's own numbers with a fraction have 17 digits.
    python = draw(st.booleans()) and not (as_numbers and table.precision < 10**3)
    ascii_only = draw(st.booleans())
    names = {
        "flat": ("user_id", "item_id", "timestamp"),
        "nested": ("user.id", "deep.what.item", "deep.when"),
        "lists": ("session", "events.aid", "events.ts"),
    }[shape]

    def an_id(text: str) -> Any:
        return int(text) if ids_as_numbers else text

    def a_time(nanoseconds: int) -> Any:
        # A number is put in place of the text later: JSON's own would be a float.
        return f"<time {style.text(nanoseconds)}>" if as_numbers else style.text(nanoseconds)

    def objects(part: Sequence[Happened]) -> list[dict[str, Any]]:
        if shape == "flat":
            return [
                {
                    "n": None,
                    "user_id": an_id(e.user),
                    "item_id": an_id(e.item),
                    "timestamp": a_time(e.time),
                }
                for e in part
            ]
        if shape == "nested":
            return [
                {
                    "deep": {"what": {"item": an_id(e.item)}, "when": a_time(e.time)},
                    "user": {"id": an_id(e.user), "tags": ["x", 1.5]},
                }
                for e in part
            ]
        found: list[dict[str, Any]] = []
        for event in part:
            if not found or found[-1]["session"] != an_id(event.user):
                found.append({"session": an_id(event.user), "events": []})
            found[-1]["events"].append({"aid": an_id(event.item), "ts": a_time(event.time)})
        return found

    def text(part: Sequence[Happened]) -> bytes:
        lines = []
        for one in objects(part):
            line = repr(one) if python else json.dumps(one, ensure_ascii=ascii_only)
            quote = "'" if python else '"'
            lines.append(
                line.replace(f"{quote}<time ", "").replace(f">{quote}", "") if as_numbers else line
            )
        return _encoded(draw, "\n".join(lines))

    if as_numbers and any(
        "<time" in e.user + e.item or e.user[-1:] == ">" or e.item[-1:] == ">" for e in table.events
    ):
        as_numbers = False
    _write_parts(draw, folder, table.events, text, draw(st.sampled_from([".json", ".jsonl"])))
    return Written(folder, EventLogFormat(*names), style.unit, how=f"JSON {shape} python {python}")


# --- Parquet -------------------------------------------------------------------------------------


def _parquet(draw: Draw, table: Table, folder: Path) -> Written:
    times, unit = _typed_times(draw, table)
    user_type, item_type = (draw(st.sampled_from(_ID_TYPES[table.id_kind])) for _ in range(2))
    rows = [{"user_id": e.user, "item_id": e.item, "timestamp": e.time} for e in table.events]

    def data(part: Sequence[dict[str, Any]]) -> bytes:
        columns = {
            "user_id": user_type([row["user_id"] for row in part]),
            "other": pyarrow.array([[1, 2]] * len(part)),
            "timestamp": times([row["timestamp"] for row in part]),
            "item_id": item_type([row["item_id"] for row in part]),
        }
        file = io.BytesIO()
        parquet.write_table(
            pyarrow.table(columns),
            file,
            version="2.6",
            compression=draw(st.sampled_from(["none", "snappy", "gzip", "zstd"])),
            row_group_size=draw(st.sampled_from([3, 1000])),
            use_dictionary=draw(st.booleans()),
        )
        return file.getvalue()

    _write_parts(draw, folder, rows, data, draw(st.sampled_from([".parquet", ".pq"])))
    return Written(folder, EventLogFormat(), unit, how=f"Parquet {times([0])[:0].type}")


def _array(kind: pyarrow.DataType, make: Callable[[str], Any] = str) -> Callable[[list[str]], Any]:
    return lambda texts: pyarrow.array([make(text) for text in texts], kind)


_TEXT_TYPES: list[Callable[[list[str]], Any]] = [
    _array(pyarrow.string()),
    _array(pyarrow.large_string()),
    _array(pyarrow.binary(), str.encode),
    _array(pyarrow.large_binary(), str.encode),
    lambda texts: pyarrow.array(texts).dictionary_encode(),
]
_ID_TYPES: dict[str, list[Callable[[list[str]], Any]]] = {
    "text": _TEXT_TYPES,
    "int": [
        *_TEXT_TYPES,
        _array(pyarrow.int64(), int),
        _array(pyarrow.uint64(), int),
        _array(pyarrow.float64(), float),
        _array(pyarrow.decimal128(20, 0), Decimal),
        _array(pyarrow.decimal128(22, 2), Decimal),
        lambda texts: pyarrow.array([int(text) for text in texts]).dictionary_encode(),
    ],
    "uuid": [*_TEXT_TYPES, _array(pyarrow.binary(16), lambda text: uuid.UUID(text).bytes)],
}


def _typed_times(draw: Draw, table: Table) -> tuple[Callable[[list[int]], Any], int]:
    """Makes an array of a list of times, and what its numbers count."""
    kind = draw(
        st.sampled_from(["timestamp", "timestamp", "date", "int", "float", "decimal", "text"])
    )
    fine_enough = [name for name, unit in NANOSECONDS.items() if table.precision % unit == 0]
    if kind == "date" and table.precision == DAY:
        if draw(st.booleans()):
            return lambda times: pyarrow.array([t // DAY for t in times], pyarrow.int32()).cast(
                pyarrow.date32()
            ), 10**9
        return lambda times: pyarrow.array([t // 10**6 for t in times], pyarrow.int64()).cast(
            pyarrow.date64()
        ), 10**9
    if kind == "int":
        unit = NANOSECONDS[draw(st.sampled_from(fine_enough))]
        small = draw(st.sampled_from([pyarrow.int64(), pyarrow.uint64()]))
        if any(event.time < 0 for event in table.events):
            small = pyarrow.int64()
        return lambda times: pyarrow.array([t // unit for t in times], small), unit
    if kind == "float" and table.precision >= 10**3:
        return lambda times: pyarrow.array([t / 10**9 for t in times], pyarrow.float64()), 10**9
    if kind == "decimal":
        unit = NANOSECONDS[draw(st.sampled_from(["s", "ms"]))]
        return lambda times: pyarrow.array(
            [Decimal(t) / unit for t in times], pyarrow.decimal128(38, 9)
        ), unit
    if kind == "text":
        style = time_style(draw, table)
        make = draw(st.sampled_from(_TEXT_TYPES))
        return lambda times: make([style.text(time) for time in times]), style.unit
    unit_name = draw(st.sampled_from(fine_enough))
    zone = draw(st.sampled_from([None, "UTC", "Europe/Berlin", "+05:30"]))
    return lambda times: pyarrow.array(
        [t // NANOSECONDS[unit_name] for t in times], pyarrow.int64()
    ).cast(pyarrow.timestamp(unit_name, zone)), 10**9


# --- files ---------------------------------------------------------------------------------------


def _add_filtered(draw: Draw, rows: list[dict[str, str]]) -> str:
    """Perhaps puts rows between the others that an expression leaves out; returns it."""
    name, kept, left_out, where = draw(
        st.sampled_from(
            [
                ("", [], [], ""),
                ("", [], [], ""),
                ("event", ["view"], ["buy", "", "View"], "event == 'view'"),
                ("rating", ["4", "5.0", "1e1"], ["3.9", "-1", ""], "rating >= 4"),
                ("ok", ["true", "True"], ["false", ""], "ok == true"),
                ("rating", ["4", "3.5"], ["2", "5", ""], "3 < rating < 5 and not rating == 4.5"),
                ("event", ["a", "b"], ["c"], "event in ('a', 'b')"),
            ]
        )
    )
    if not where:
        return ""
    for row in rows:
        row[name] = draw(st.sampled_from(kept))
    for _ in range(draw(st.integers(0, 3))):
        row = {**draw(st.sampled_from(rows)), name: draw(st.sampled_from(left_out))}
        rows.insert(draw(st.integers(0, len(rows))), row)
    return where


def _write_parts(
    draw: Draw,
    folder: Path,
    rows: Sequence[Any],
    data: Callable[[Sequence[Any]], bytes],
    ending: str,
) -> None:
    """Writes rows to one file or several, each perhaps packed, perhaps in Hive folders."""
    cuts = draw(st.lists(st.integers(1, len(rows) - 1), max_size=2, unique=True).map(sorted))
    in_folders = draw(st.booleans())
    for place, (begin, end) in enumerate(zip([0, *cuts], [*cuts, len(rows)], strict=True)):
        directory = folder / f"day=2026-01-0{place + 1}" if in_folders else folder
        directory.mkdir(parents=True, exist_ok=True)
        name, packed = draw(st.sampled_from(sorted(PACKED.items())))
        (directory / f"part-{place}{ending}{name}").write_bytes(packed(data(rows[begin:end])))


def zstd(data: bytes) -> bytes:
    sink = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


def zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("log", data)
    return file.getvalue()


def in_two_members(data: bytes) -> bytes:
    middle = len(data) // 2
    return gzip.compress(data[:middle]) + gzip.compress(data[middle:])


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstd,
    ".zip": zipped,
}
