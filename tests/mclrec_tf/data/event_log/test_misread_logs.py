"""Logs that would easily be read as something else: each is read right, or refused, or told."""

import codecs
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from mclrec_tf.data.event_log.formats import text_blocks
from mclrec_tf.data.event_log.reader import (
    Event,
    EventLogError,
    EventLogFormat,
    LogFile,
    RowProblem,
    event_log_files,
    read_events,
)
from mclrec_tf.data.interactions import load_interactions

HEADER = "user_id,item_id,timestamp"


@pytest.fixture
def events(tmp_path: Path) -> Any:
    """`events(text, name=…, where=…)` writes a log and gives its (user, item), or the problem."""

    def read(text: str | pyarrow.Table, name: str = "log.csv", **format: str) -> list[Any]:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        if isinstance(text, str):
            path.write_text(text)
        else:
            parquet.write_table(text, path)
        rows = read_events(path, EventLogFormat(**format))
        return [(row.user_id, row.item_id) if isinstance(row, Event) else row for row in rows]

    return read


def test_a_filter_compares_whole_numbers_exactly(events: Any) -> None:
    log = f"{HEADER}\n76561198000000001,a,1\n76561198000000002,b,2\n"
    assert events(log, where="user_id == 76561198000000002") == [("76561198000000002", "b")]
    assert events(log, where="user_id in [76561198000000002]") == [("76561198000000002", "b")]


def test_a_filter_compares_fractions_in_the_precision_of_their_column(events: Any) -> None:
    score = pyarrow.array([0.7, 0.5], pyarrow.float32())
    table = pyarrow.table(
        {"user_id": ["u", "v"], "item_id": ["a", "b"], "timestamp": [1, 2], "score": score}
    )
    assert events(table, "log.parquet", where="score >= 0.7") == [("u", "a")]


def test_a_filter_knows_the_usual_spellings_of_true_and_tells_others(events: Any) -> None:
    rows = ["u,a,1,1", "u,b,2,no", "u,c,3,Yes", "u,d,4,maybe", "u,e,5,F", "u,f,6,"]
    kept, problem, last = events("\n".join([f"{HEADER},sent", *rows]), where="sent != true")
    assert (kept, last) == (("u", "b"), ("u", "e"))
    assert (problem.row, problem.column, problem.reason, problem.value) == (
        5,
        "sent",
        "is neither true nor false",
        "maybe",
    )


def test_a_value_that_does_not_decide_is_no_problem(events: Any) -> None:
    rows = ["u,a,1,view,page", "u,b,2,rating,5", "u,c,3,rating,x", "u,d,4,rating,"]
    found = events(
        "\n".join([f"{HEADER},event,value", *rows]), where="event == 'rating' and value >= 4"
    )
    assert found[0] == ("u", "b") and [row.row for row in found[1:]] == [4]
    # Nothing is known of an empty value, whether `not` stands before it or not.
    kept = events("\n".join([f"{HEADER},value", "u,a,1,", "u,b,2,3"]), where="not value >= 4")
    assert kept == [("u", "b")]


@pytest.mark.parametrize("name", ["event type", "class", "review/score", "ﬁeld", "é-x"])
def test_a_filter_names_any_column_between_backticks(events: Any, name: str) -> None:
    log = f"{HEADER},{name}\nu,a,1,buy\nu,b,2,view\n"
    assert events(log, where=f"`{name}` == 'buy'") == [("u", "a")]


def test_a_filter_compares_typed_times_as_times(events: Any) -> None:
    hours = [datetime(2026, 1, 1, hour) for hour in (6, 13, 23)]
    table = pyarrow.table(
        {
            "user_id": ["u"] * 3,
            "item_id": ["a", "b", "c"],
            "timestamp": pyarrow.array(hours, pyarrow.timestamp("ms")),
        }
    )
    where = "timestamp >= '2026-01-01T12:00:00' and timestamp < '2026-01-01 23:30+01:00'"
    assert events(table, "log.parquet", where=where) == [("u", "b")]
    with pytest.raises(EventLogError, match="'noon', which is no ISO 8601 date"):
        events(table, "log.parquet", where="timestamp > 'noon'")


def test_a_header_is_no_row_although_the_columns_are_named(events: Any) -> None:
    with pytest.raises(EventLogError, match="row 1 is a header.*Leave --columns out"):
        events("item_id,user_id,timestamp\na,u,1\nb,u,2\n", columns="user,item,timestamp")


def test_a_second_header_in_another_order_is_refused(events: Any) -> None:
    text = f"{HEADER}\nu,a,1\n{HEADER}\nu,b,2\n"
    assert [row for row in events(text) if isinstance(row, tuple) and len(row) == 2] == [
        ("u", "a"),
        ("u", "b"),
    ]
    for header, format in (
        (HEADER, {}),
        ("user_id,item_id", {"timestamp_column": ""}),
        (f"{HEADER},event", {"where": "event == 'view'"}),
        (f"{HEADER},rating", {"where": "rating >= 4"}),
    ):
        row = "u,a,1,{}".format("view" if "event" in header else 5)
        width = header.count(",") + 1
        again = header.replace("user_id,item_id", "item_id,user_id")
        rows = [",".join(row.split(",")[:width])] * 2
        with pytest.raises(EventLogError, match="row 3 names the columns again, in another order"):
            events("\n".join([header, rows[0], again, rows[1], ""]), **format)


def test_excels_note_and_a_very_long_header(events: Any) -> None:
    with pytest.raises(EventLogError, match="row 1 is a note for Excel, 'sep=;'. Remove"):
        events("sep=;\nuser_id;item_id;timestamp\nu;a;1\n")
    many = ",".join(f"feature_{n:05}" for n in range(8_000))
    assert events(f"{many},{HEADER}\n{'0,' * 8_000}u,a,1\n") == [("u", "a")]


def test_a_separator_of_any_script(events: Any) -> None:
    assert events("user_id§item_id§timestamp\nu§a§1\n", separator="§") == [("u", "a")]


def test_the_separator_of_histories_is_the_one_that_is_given(events: Any) -> None:
    histories = {"columns": "user,item,..."}
    tabs = events("u\tred shoes\tblue hat\n", separator="tab", **histories)
    assert tabs == [("u", "red shoes"), ("u", "blue hat")]
    assert events("u,a,b\n", separator=",", **histories) == [("u", "a"), ("u", "b")]


def test_a_byte_order_mark_in_the_middle_is_the_same_wherever_a_block_ends(
    events: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = codecs.BOM_UTF8.decode()
    text = f"{HEADER}\n" + "".join(f"{mark}u{n},a,{n}\n" for n in range(9))
    found = []
    for size in (1 << 20, 50, 16):
        monkeypatch.setattr(text_blocks, "BLOCK_BYTES", size)
        found.append(events(text))
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(
    ("kind", "first"), [("float64", 76561198000000001), ("float32", 16_777_217)]
)
def test_ids_that_their_type_cannot_tell_apart_are_refused(
    events: Any, kind: str, first: int
) -> None:
    users = pyarrow.array([float(first), float(first + 1)], getattr(pyarrow, kind)())
    table = pyarrow.table({"user_id": users, "item_id": ["a", "b"], "timestamp": [1, 2]})
    with pytest.raises(EventLogError, match="'user_id' is of type .* cannot tell numbers such as"):
        events(table, "log.parquet")


def test_times_that_their_type_cannot_tell_apart_are_refused(events: Any) -> None:
    times = pyarrow.array([1_700_000_000.0, 1_700_000_040.0], pyarrow.float32())
    table = pyarrow.table({"user_id": ["u", "u"], "item_id": ["a", "b"], "timestamp": times})
    with pytest.raises(EventLogError, match="'timestamp' is of type float, which cannot tell"):
        events(table, "log.parquet")


def test_an_objects_own_values_count_more_than_the_name_of_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "timestamp=2020-01-01"
    folder.mkdir()
    own = [f"2026-01-01T{hour}:00:00" for hour in (20, 10)]
    lines = [f'{{"user_id":"u","item_id":"a","timestamp":"{time}"}}\n' for time in own]
    (folder / "own.jsonl").write_text("".join(lines))
    (folder / "none.jsonl").write_text('{"user_id":"u","item_id":"a"}\n')

    def times(name: str) -> list[int]:
        rows = read_events(folder / name, EventLogFormat())
        return [row.timestamp for row in rows if isinstance(row, Event)]

    assert times("own.jsonl") == [1_767_297_600, 1_767_261_600]
    assert times("none.jsonl") == [1_577_836_800]


def test_files_that_may_belong_to_the_log_are_not_left_out_in_silence(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text(f"{HEADER}\nu,a,1\n")
    for harmless in ("README", "LICENSE.txt.md", "notes.md", "load.py", "_SUCCESS", ".part"):
        (tmp_path / harmless).write_text("about")
    assert event_log_files(tmp_path) == [str(tmp_path / "1.csv")]
    (tmp_path / "2.csv.lz4").write_bytes(b"\x04\x22\x4d\x18")
    with pytest.raises(EventLogError, match="1 files that may belong .*2.csv.lz4"):
        event_log_files(tmp_path)


def test_a_link_in_the_folder_is_not_read_again(tmp_path: Path) -> None:
    (tmp_path / "day").mkdir()
    (tmp_path / "day" / "log.txt").write_text("u a b c\n")
    os.symlink(".", tmp_path / "loop")
    os.symlink("day", tmp_path / "latest")
    assert event_log_files(tmp_path) == [str(tmp_path / "day" / "log.txt")]
    elsewhere = tmp_path / "links"
    elsewhere.mkdir()
    os.symlink(tmp_path / "day", elsewhere / "day")
    assert event_log_files(elsewhere) == [str(elsewhere / "day" / "log.txt")]


def test_tables_without_times_have_no_order_among_files_whatever_they_are_called(
    tmp_path: Path,
) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("user_id,item_id\nu,a\n")
    with pytest.raises(EventLogError, match="b.txt: has no times, like .*a.txt"):
        list(read_events(tmp_path, EventLogFormat(timestamp_column="")))


def test_ids_that_look_like_none_or_stand_in_quotes_are_told(tmp_path: Path) -> None:
    rows = [(user, item, n) for user in ("u", "NULL") for n, item in enumerate(('"a"', "b", "c"))]
    lines = ["user_id\titem_id\ttimestamp", *("\t".join(map(str, row)) for row in rows)]
    (tmp_path / "log.tsv").write_text("\n".join(lines) + "\n")
    missing, quotes = load_interactions(tmp_path / "log.tsv", k_core=1).report.notes
    assert "column user_id: 3 of 6 ids look like none ('NULL'" in missing
    assert "column item_id: 2 of 6 ids stand in quotes" in quotes


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        ("{user} {item} {rating}", "user,item,-"),
        ("{user}\t{item}\t{rating}", "user,item,-"),
        ("{user} {item} 202601{day}", "user,item,timestamp"),
        ("{user} {item} {rating} {day}", "user,item,-,-"),
    ],
)
def test_many_short_lines_of_one_length_are_no_histories(
    events: Any, row: str, columns: str
) -> None:
    values = [
        {"user": n % 9 + 100, "item": n % 7 + 300, "rating": n % 5 + 1, "day": n % 20 + 10}
        for n in range(40)
    ]
    text = "".join(row.format(**value) + "\n" for value in values)
    with pytest.raises(EventLogError, match=f"looks like a table of .*--columns {columns};"):
        events(text, "log.txt")
    # Whoever does have such histories can say so.
    assert len(events(text, "log.txt", columns="user,item,...")) == 40 * len(columns.split(",")[1:])


def test_test_items_do_not_come_before_those_of_training(tmp_path: Path) -> None:
    for name in ("1-train.txt", "2-test.txt"):
        (tmp_path / name).write_text("u a b c\nv d e f g\n")
    assert load_interactions(tmp_path, k_core=0).histories.lengths.tolist() == [6, 8]
    (tmp_path / "1-train.txt").rename(tmp_path / "train.txt")
    (tmp_path / "2-test.txt").rename(tmp_path / "test.txt")
    with pytest.raises(EventLogError, match="train.txt: is read after .*test.txt.* 1-train"):
        load_interactions(tmp_path, k_core=0)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("testset.txt", "trainset.txt"),
        ("TestData.txt", "TrainData.txt"),
        ("test/0.txt", "train/0.txt"),
        ("split=test/p.txt", "split=train/p.txt"),
        ("eval.txt", "train.txt"),
        ("holdout.txt", "train.txt"),
        ("test.txt", "valid.txt"),
    ],
)
def test_parts_of_a_split_are_known_by_their_names(tmp_path: Path, first: str, then: str) -> None:
    for name in (first, then):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("u a b c\nv d e f g\n")
    with pytest.raises(EventLogError, match=f"{then}: is read after .*{first}"):
        load_interactions(tmp_path, k_core=0)


@pytest.mark.parametrize("names", [("contest.txt", "trailer.txt"), ("latest.txt", "restrain.txt")])
def test_names_that_only_sound_like_parts_are_none(tmp_path: Path, names: tuple[str, str]) -> None:
    for name in names:
        (tmp_path / name).write_text("u a b c\nv d e f g\n")
    assert load_interactions(tmp_path, k_core=0).report.rows == 14


def test_dates_in_digits_of_two_widths_are_refused_or_told(events: Any, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"{HEADER}\nu,late,20260201\n")
    (tmp_path / "b.csv").write_text(f"{HEADER}\nu,early,2026010100\n")
    with pytest.raises(EventLogError, match="b.csv: holds dates such as 2026010100 .YYYYMMDDHH."):
        load_interactions(tmp_path, k_core=0)
    *good, other = events(f"{HEADER}\nu,a,2026010100\nu,b,2026010101\nu,c,202601010200\n")
    assert good == [("u", "a"), ("u", "b")] and "looks like YYYYMMDDHHMM" in other.reason
    *good, other = events(f"{HEADER}\nu,a,2026010100\nu,b,2026010101\nu,c,1769871600\n")
    assert good == [("u", "a"), ("u", "b")] and "looks like seconds" in other.reason


def test_a_link_beside_its_file_is_not_read_again(tmp_path: Path) -> None:
    (tmp_path / "day1.txt").write_text("u a b\n")
    (tmp_path / "latest.txt").symlink_to("day1.txt")
    (tmp_path / "other.txt").symlink_to("/dev/null")
    names = [Path(file).name for file in event_log_files(tmp_path / "*1.txt")]
    assert names == ["day1.txt"]
    (tmp_path / "other.txt").unlink()
    assert [Path(file).name for file in event_log_files(tmp_path / "*.txt")] == ["day1.txt"]


def test_the_file_of_an_item_a_block_is_told(events: Any) -> None:
    text = "1:\n229,3,2022-04-23\n230,4,2022-04-24\n2:\n229,5,2022-04-25\n"
    for format in ({}, {"columns": "user,item,timestamp"}):
        with pytest.raises(EventLogError, match="row 1 is '1:', a line of its own for the item"):
            events(text, "combined_data_1.txt", **format)


def test_a_date_is_not_compared_with_numbers(events: Any) -> None:
    with pytest.raises(EventLogError, match="numbers such as 1650001566 .* with '2022-05-01'"):
        events(f"{HEADER}\nu,a,1650001566\n", where="timestamp >= '2022-05-01'")


def test_what_is_no_time_is_told_how_times_are_written(events: Any) -> None:
    (problem,) = events(f"{HEADER}\nu,a,15/04/2022\n")
    assert "nor a date as ISO 8601 writes it (2026-01-31T10:15:00)" in problem.reason
    (event,) = events(f"{HEADER}\nu,a,20220415T054606Z\n")
    assert event == ("u", "a")


@pytest.mark.parametrize(
    ("row", "note"), [("u,7.00011E+12,1", "a spreadsheet has rounded"), ("u, a,1", "with a space")]
)
def test_ids_that_are_not_what_they_seem_are_told(tmp_path: Path, row: str, note: str) -> None:
    path = tmp_path / "log.csv"
    rows = "".join(f"{user},{item},{time}\n" for user in "uv" for time, item in enumerate("bcd"))
    path.write_text(f"{HEADER}\n{row}\n{rows}")
    assert any(note in one for one in load_interactions(path, k_core=0).report.notes)


def test_parts_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 9, 100):
        (tmp_path / f"part-{number}.txt").write_text(f"u a{number}\n")
    names = [Path(file).name for file in event_log_files(tmp_path)]
    assert names == ["part-9.txt", "part-10.txt", "part-100.txt"]


def test_numbers_that_write_a_day_and_an_hour_are_no_seconds(tmp_path: Path) -> None:
    def scale(times: list[int]) -> Any:
        path = tmp_path / "log.csv"
        path.write_text(f"{HEADER}\n" + "".join(f"u,a,{time}\n" for time in times))
        log = LogFile(path, EventLogFormat())
        assert sum(len(batch.users) for batch in log.batches()) == len(times)
        return log.scale

    hours = [2026_01_31_00 + hour for hour in range(24)]
    assert str(scale(hours)) == "dates such as 2026013100 (YYYYMMDDHH)"
    assert scale([*hours[:2], 2_026_999_997, 2_026_999_998, 2_026_999_999]).unit == "seconds"
    assert scale([2026_01_31_00_59, 2026_01_31_23_00]).unit == "YYYYMMDDHHMM"
    assert scale([2026_01_31, 2026_12_01]).unit == "YYYYMMDD"
    assert scale([2026_13_31, 2026_12_41, 1]).unit == ""


def test_times_that_nobody_knows_do_not_decide_the_unit(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    times = [0] * 20 + [-1] * 3 + [1_700_000_000] * 10 + [1_700_000_000_000]
    path.write_text(f"{HEADER}\n" + "".join(f"u,a,{time}\n" for time in times))
    *good, problem = read_events(path, EventLogFormat())
    assert len(good) == 33 and all(isinstance(one, Event) for one in good)
    assert isinstance(problem, RowProblem) and problem.row == 35
    assert "looks like milliseconds" in problem.reason


def test_a_repeated_header_is_no_event_without_times_either(events: Any) -> None:
    text = "user_id,item_id\nu,a\nuser_id,item_id\nu,b\n"
    first, problem, last = events(text, timestamp_column="")
    assert (first, last) == (("u", "a"), ("u", "b"))
    assert problem.row == 3 and "is the name of the column" in problem.reason
