"""What a log's rows mean, whatever the file they come in."""

import csv
import gzip
import io
import math
import pickle
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from mclrec_tf.data.event_log.reader import (
    Event,
    EventLogError,
    EventLogFormat,
    RowProblem,
    event_log_files,
    read_events,
)

WriteLog = Callable[[str, str | bytes], str]
HEADER = "user_id,item_id,timestamp\n"
EVENTS = [Event("ann", "tea", 17), Event("bob", "milk", -3), Event("ann", "tea", 18)]


@pytest.fixture
def write_log(tmp_path: Path) -> WriteLog:
    def write(name: str, text: str | bytes) -> str:
        data = text.encode() if isinstance(text, str) else text
        path = tmp_path / name
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return str(path)

    return write


def read(path: str, *columns: str) -> list[Event | RowProblem]:
    return list(read_events(path, EventLogFormat(*columns)))


def problem(path: str) -> RowProblem:
    """The only problem among the rows of a file."""
    (found,) = [row for row in read(path) if isinstance(row, RowProblem)]
    return found


TABLE = "user_id,item_id,timestamp\nann,tea,17\nbob,milk,-3\nann,tea,18\n"
INTER = TABLE.replace(",", "\t").replace("timestamp", "timestamp:float").replace("_id", "_id:token")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("log.csv", TABLE),
        ("log.CSV", TABLE),
        ("log.csv.gz", TABLE),
        ("log.tsv", TABLE.replace(",", "\t")),
        ("log.tsv.gz", TABLE.replace(",", "\t")),
        ("log.inter", INTER),
        ("log.inter.gz", INTER),
        ("windows.csv", "\ufeff" + TABLE.replace("\n", "\r\n")),
        ("old-mac.csv", TABLE.replace("\n", "\r")),
        ("no-last-line-end.csv", TABLE.rstrip("\n")),
        ("blank-lines.csv", TABLE.replace("\n", "\n\n")),
        (
            "other-order.csv",
            "n,timestamp,user_id,item_id\n,17,ann,tea\n,-3,bob,milk\n1,18,ann,tea\n",
        ),
        ("quoted.csv", "\ufeff" + re.sub("[^,\n]+", r'"\g<0>"', TABLE)),
    ],
)
def test_every_kind_of_table_gives_the_same_events(
    write_log: WriteLog, name: str, text: str
) -> None:
    assert read(write_log(name, text)) == EVENTS


def test_a_line_of_a_txt_file_is_a_history(write_log: WriteLog) -> None:
    path = write_log("log.txt.gz", "ann tea  rum tea\r\n\nbob\tmilk \n")
    assert read(path) == [
        Event("ann", "tea", 1),
        Event("ann", "rum", 2),
        Event("ann", "tea", 3),
        Event("bob", "milk", 4),
    ]


def test_columns_can_have_other_names(write_log: WriteLog) -> None:
    path = write_log("log.csv", "who,what,when\nann,tea,17\n")
    assert read(path, "who", "what", "when") == [Event("ann", "tea", 17)]


def test_without_a_time_column_the_order_of_rows_is_the_time(write_log: WriteLog) -> None:
    path = write_log("log.csv", "user_id,item_id\nann,tea\nann,tea\nbob,tea\n")
    times = [row.timestamp for row in read(path, "user_id", "item_id", "")]
    assert times == sorted(set(times)) and len(times) == 3


def test_a_folder_and_a_glob_are_read_by_file_name(tmp_path: Path, write_log: WriteLog) -> None:
    for name, user in (("part-10.csv", "b"), ("part-02.csv", "a"), ("_temporary.csv", "c")):
        write_log(name, f"{HEADER}{user},tea,1\n")
    write_log("README.md", "about")
    expected = [Event("a", "tea", 1), Event("b", "tea", 1)]
    assert read(str(tmp_path)) == expected
    assert read(str(tmp_path / "part-*.csv")) == expected


# Everything that may stand in an id: any text without line breaks, NUL and lone surrogates.
ids = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\n\r"), min_size=1)
# Numbers that cannot be taken for seconds, milliseconds, ... since 1970, which must not be mixed.
times = st.integers(-(2**63), 315_532_799) | st.integers(4_102_444_800 * 10**9, 2**63 - 1)
events = st.lists(st.builds(Event, ids, ids, times), min_size=1, max_size=20)


@given(events)
def test_csv_keeps_every_id_and_time(
    tmp_path_factory: pytest.TempPathFactory, events: list[Event]
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([Event._fields, *events])
    path = tmp_path_factory.mktemp("csv") / "log.csv"
    path.write_bytes(text.getvalue().encode())
    assert read(str(path)) == events


@given(events)
def test_parquet_keeps_every_id_and_time(
    tmp_path_factory: pytest.TempPathFactory, events: list[Event]
) -> None:
    path = tmp_path_factory.mktemp("parquet") / "log.parquet"
    columns = dict(zip(Event._fields, map(list, zip(*events, strict=True)), strict=True))
    parquet.write_table(pyarrow.table(columns), path)
    assert read(str(path)) == events


def test_tab_separated_ids_may_hold_quotes(write_log: WriteLog) -> None:
    path = write_log("log.tsv", 'user_id\titem_id\ttimestamp\n"ann\t3" nail\t1\nbob\t"x"\t2\n')
    assert read(path) == [Event('"ann', '3" nail', 1), Event("bob", '"x"', 2)]


@given(st.decimals(-(10**18), 10**18, places=3))
def test_fractions_of_a_time_are_rounded_down_exactly(
    tmp_path_factory: pytest.TempPathFactory, time
) -> None:
    path = tmp_path_factory.mktemp("csv") / "log.csv"
    path.write_text(f"{HEADER}ann,tea,{time:f}\nann,tea,{time:E}\n")
    assert [event.timestamp for event in read(str(path))] == [math.floor(time)] * 2


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        (b"ann,tea", "timestamp", "has fewer fields than the header"),
        (b"ann", "item_id", "has fewer fields than the header"),
        (b"ann,tea,1,2", "", "has more fields than the header"),
        (b",tea,1", "user_id", "is empty"),
        (b"ann,,1", "item_id", "is empty"),
        (b"ann,tea,", "timestamp", "is empty"),
        (b"ann,tea,soon", "timestamp", "is not a number"),
        (b"ann,tea,NaN", "timestamp", "is not a number"),
        (b"ann,tea,inf", "timestamp", "is not a number"),
        (b"ann,tea,1_000", "timestamp", "is not a number"),
        (b"ann,tea,2024-01-31", "timestamp", "is not a number"),  # the first time is one
        (b"ann,tea,9223372036854775808", "timestamp", "is too large a time"),
        (b"ann,tea,1e999999999", "timestamp", "is too large a time"),
        (b"ann,tea,1e" + b"9" * 30, "timestamp", "is not a number"),
        (b'ann,"a\nb",1', "item_id", "holds a line break or NUL"),
        (b"ann,caf\xe9,1", "item_id", "is not UTF-8"),
        (b"ann,t\0ea,1", "", "holds NUL"),
        (b'"ann"x,tea,1', "", "has a quote out of place or never closed"),
    ],
)
def test_a_row_that_cannot_be_used_is_named_and_skipped(
    write_log: WriteLog, line: bytes, column: str, reason: str
) -> None:
    path = write_log("log.csv", HEADER.encode() + b"ann,tea,1\n" + line + b"\nbob,milk,2\n")
    before, found, after = read(path)
    assert (before, after) == (Event("ann", "tea", 1), Event("bob", "milk", 2))
    assert isinstance(found, RowProblem)
    assert (found.file, found.row, found.column, found.reason) == (path, 3, column, reason)
    assert f"{path}, row 3" in str(found) and column in str(found)
    str(found).encode()  # printable, whatever the row holds


def test_rows_are_counted_by_lines_of_the_file(write_log: WriteLog) -> None:
    text = 'user_id,item_id,note,timestamp\n\nann,tea,"two\nlines",1\nbob,,"a\n\nb",2\nbob,tea,,3\n'
    assert problem(write_log("log.csv", text)).row == 5


def test_a_quote_that_is_never_closed_costs_one_row(write_log: WriteLog) -> None:
    good = "".join(f"user{i},tea,{i}\n" for i in range(20_000))
    found = read(write_log("log.csv", f'{HEADER}ann,tea,1\nann,"tea,2\n{good}ann,"rum,3\n'))
    problems = [row for row in found if isinstance(row, RowProblem)]
    assert [row.row for row in problems] == [3, 20_004]
    assert len(found) == 20_003


def test_the_shown_value_is_short_and_shows_the_bytes(write_log: WriteLog) -> None:
    found = problem(write_log("log.csv", HEADER.encode() + b"caf\xe9" + b"x" * 1000 + b",tea,1\n"))
    assert found.value.startswith("caf\\xe9") and len(found.value) < 100


def test_a_txt_line_without_items_is_a_problem(write_log: WriteLog) -> None:
    assert problem(write_log("log.txt", "ann tea\nbob\n")).row == 2


@pytest.mark.parametrize("name", ["log.csv", "log.tsv", "log.inter.gz", "log.txt", "log.parquet"])
def test_an_empty_file_is_an_error(write_log: WriteLog, name: str) -> None:
    with pytest.raises(EventLogError, match=f"{name}: .*(empty|cannot be read)"):
        read(write_log(name, ""))


def test_a_header_alone_is_an_error(write_log: WriteLog) -> None:
    with pytest.raises(EventLogError, match="log.csv: there is no event after .* row 1"):
        read(write_log("log.csv", HEADER))


def test_a_missing_column_is_named_with_the_way_out(write_log: WriteLog) -> None:
    path = write_log("log.csv", "user_id,product,timestamp\nann,tea,1\n")
    with pytest.raises(EventLogError) as error:
        read(path)
    for part in (path, "row 1", "'item_id'", "'product'", "item_column=", "--item-column"):
        assert part in str(error.value)


def test_a_column_that_stands_twice_is_an_error(write_log: WriteLog) -> None:
    path = write_log("log.csv", "user_id,item_id,item_id,timestamp\nann,tea,rum,1\n")
    with pytest.raises(EventLogError, match="row 1 names the column 'item_id' 2 times"):
        read(path)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_every_unicode_encoding_is_read(write_log: WriteLog, encoding: str) -> None:
    assert read(write_log("log.csv", TABLE.encode(encoding))) == EVENTS


def test_a_header_that_is_no_text_is_an_error(write_log: WriteLog) -> None:
    with pytest.raises(EventLogError, match="row 1 is not a header in UTF-8"):
        read(write_log("log.csv", b"user_id,it\xffem_id,timestamp\n"))


def test_a_header_with_an_open_quote_is_an_error(write_log: WriteLog) -> None:
    with pytest.raises(EventLogError, match="row 1 has a quote out of place"):
        read(write_log("log.csv", TABLE.replace("item_id", '"item_id')))


def test_what_a_file_is_packed_with_is_told_by_its_bytes_not_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "packed.csv").write_bytes(gzip.compress(TABLE.encode()))
    (tmp_path / "plain.csv.gz").write_text(TABLE)
    assert read(str(tmp_path / "packed.csv")) == read(str(tmp_path / "plain.csv.gz")) == EVENTS


@pytest.mark.parametrize("kind", ["csv", "txt"])
def test_a_damaged_gz_file_is_an_error_that_names_the_row(tmp_path: Path, kind: str) -> None:
    rows = "".join(f"user{i * 7919 % 10007},item{i * 31 % 977},{i}\n" for i in range(8_000))
    text = f"{HEADER}{rows}"
    if kind == "txt":
        text = "".join(f"{i * 7919 % 10007}{' 1' * (i % 3)} {i * 31 % 977}\n" for i in range(8_000))
    whole = gzip.compress(text.encode())
    path = tmp_path / f"log.{kind}.gz"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EventLogError, match=r"row \d{4} and all that follow cannot be read"):
        read(str(path))
    path.write_bytes(whole[:-1] + b"\x01")
    with pytest.raises(EventLogError, match=rf"log.{kind}.gz: row \d+ and all"):
        read(str(path))


def test_a_file_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EventLogError, match="nowhere.csv: no such file"):
        read(str(tmp_path / "nowhere.csv"))


def test_a_folder_without_logs_is_an_error(tmp_path: Path, write_log: WriteLog) -> None:
    write_log("README.md", "about")
    with pytest.raises(EventLogError, match=r"holds no event log. Found: README.md"):
        read(str(tmp_path))


@pytest.mark.parametrize("name", ["log", "log.xls", "log.2026-01-31"])
def test_a_file_of_any_name_is_read_by_what_it_holds(write_log: WriteLog, name: str) -> None:
    assert read(write_log(name, TABLE)) == EVENTS


def test_several_files_need_a_time(tmp_path: Path, write_log: WriteLog) -> None:
    for name in ("a.csv", "b.csv"):
        write_log(name, "user_id,item_id\nann,tea\n")
    with pytest.raises(EventLogError, match="2 files and no time column"):
        event_log_files(str(tmp_path), EventLogFormat(timestamp_column=""))


def test_a_format_gives_each_column_one_role() -> None:
    with pytest.raises(ValueError, match="one role"):
        EventLogFormat(user_column="id", item_column="id")
    with pytest.raises(ValueError, match="must name a column"):
        EventLogFormat(item_column="")


@pytest.mark.parametrize(
    "value",
    [
        Event("a", "b", 1),
        RowProblem("f", 2, "c", "r", "v"),
        EventLogFormat("u"),
        EventLogError("x"),
    ],
)
def test_everything_travels_to_workers(value: object) -> None:
    copy = pickle.loads(pickle.dumps(value))
    assert type(copy) is type(value) and str(copy) == str(value)


@pytest.mark.integration  # as long a log as it takes
def test_memory_does_not_grow_with_the_log(write_log: WriteLog) -> None:
    def peak(rows: int) -> int:
        text = "".join(f"user{i},item{i},{i}\n" for i in range(rows))
        path = write_log(f"{rows}.csv", HEADER + text)
        del text
        tracemalloc.start()
        try:
            assert sum(1 for _ in read_events(path, EventLogFormat())) == rows
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)  # imports
    # A few blocks of a MiB are in memory, however long the file is.
    assert peak(400_000) < peak(200_000) + 100_000
