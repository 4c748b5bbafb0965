"""What a person is told about a log before training."""

import contextlib
import gzip
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from pyarrow import parquet
from rich.console import Console

from mclrec_tf.data.event_log.reader import EventLogError
from mclrec_tf.data.interactions import load_interactions
from mclrec_tf.data.sample.sample_log import write_items, write_sample
from pipeline import run_local
from pipeline.cli.setting_options import settings_of
from pipeline.components.example_gen.event_log.log_report import LogTotals
from pipeline.inspect import main
from pipeline.jobs.inspect.cost import expected_cost, growth
from pipeline.jobs.inspect.inspection import inspect_log
from pipeline.jobs.inspect.show import show
from pipeline.settings import DataSettings
from tests.pipeline.jobs.inspect.layouts import ITEMS, LAYOUTS, USERS, made_up_rows

COMMANDS = {
    "MovieLens 100K": "--columns user,item,-,timestamp",
    "MovieLens 1M": "--columns user,item,-,timestamp",
    "MovieLens latest": "--user-column userId --item-column movieId",
    "Amazon 2014": "--columns user,item,-,timestamp",
    "Amazon 2018": "--columns item,user,-,timestamp",
    "Amazon 2023": "--item-column parent_asin",
    "RetailRocket": "--user-column visitorid --item-column itemid",
    "Yoochoose": "--columns user,timestamp,item,-",
    "Gowalla": "--columns user,timestamp,-,-,item",
    "Steam, Python": "--user-column username --item-column product_id --timestamp-column date",
    "Steam, JSON lines": "--user-column username --item-column product_id --timestamp-column date",
    "Taobao": "--columns user,item,-,-,timestamp",
    "OTTO": "--user-column session --item-column events.aid --timestamp-column events.ts",
    "H&M, articles as text": (
        "--user-column customer_id --item-column article_id --timestamp-column t_dat"
    ),
    "H&M, articles as integers": (
        "--user-column customer_id --item-column article_id --timestamp-column t_dat"
    ),
}
HEADER = "user_id,item_id,timestamp\n"
ROWS = "".join(f"u{row.user},i{row.item},{row.time}\n" for row in made_up_rows())
EVENTS = len(made_up_rows())


def read_as_run(arguments: list[str]) -> list[list[str]]:
    """The histories that a run with these arguments would learn from, as raw items."""
    options = run_local.parser().parse_args([*arguments, "--workdir", "w"])
    data = settings_of(options).data
    log = load_interactions(options.data, data.format, data.k_core, data.max_bad_rows)
    return [[log.item_ids[item - 1] for item in history] for history in log.histories]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_printed_command_reads_what_the_log_holds(
    layout: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    log = LAYOUTS[layout](tmp_path)
    assert main([str(log)]) == 0
    printed = capsys.readouterr().out.rstrip().splitlines()
    command = shlex.split(printed[-1])
    assert printed[-2] == ""
    assert (
        command[:3] == [sys.executable, "-m", "pipeline.run_local"] and command[-2] == "--workdir"
    )
    assert command[3:-2] == ["--data", str(log), *shlex.split(COMMANDS[layout])]

    histories: dict[int, list[tuple[int, int]]] = {}
    for row in made_up_rows():
        histories.setdefault(row.user, []).append((row.time, row.item))
    read = read_as_run(command[3:-2])
    assert len(read) == USERS and len({item for items in read for item in items}) == ITEMS
    if "date" in COMMANDS[layout] or "t_dat" in COMMANDS[layout]:
        return  # a day does not tell what came first in it
    lengths = sorted(map(len, histories.values()))
    assert sorted(map(len, read)) == lengths
    # Items are named differently, so histories are compared by which places hold the same item.
    assert sorted(map(pattern, read)) == sorted(
        pattern([item for _, item in sorted(history)]) for history in histories.values()
    )
    assert co_occurrences(read) == co_occurrences(
        [[str(item) for _, item in sorted(history)] for history in histories.values()]
    )


def pattern(items: list) -> list[int]:
    first: dict = {}
    return [first.setdefault(item, len(first)) for item in items]


def co_occurrences(histories: list[list[str]]) -> list[int]:
    """How often each item follows each other one, sorted: the same for any names."""
    counts: dict[tuple[str, str], int] = {}
    for history in histories:
        for before, after in zip(history, history[1:], strict=False):
            counts[before, after] = counts.get((before, after), 0) + 1
    return sorted(counts.values())


def test_numbers_are_those_of_a_run(tmp_path: Path):
    log = tmp_path / "log.csv"
    rare = "".join(f"new{n},i{n},{n}\n" for n in range(1_400_000_000, 1_400_000_009))
    repeated = ROWS.splitlines(keepends=True)[:7]
    log.write_text(HEADER + ROWS + "".join(repeated) + rare + "u1,,5\n")
    found = inspect_log(log)
    interactions = load_interactions(log)
    assert found.sample and found.sample.is_whole and found.sample.rows == EVENTS + 17
    assert found.sample.files[0].rows_skipped == 1
    assert found.figures and found.figures.duplicates == interactions.report.duplicates == 7
    after = found.figures.after.totals
    assert after.users == len(interactions.user_ids)
    assert after.items == len(interactions.item_ids)
    assert after.events == len(interactions.timestamps)
    assert found.figures.before.totals.users == USERS + 9
    assert after.newest_event == interactions.timestamps.max()
    assert found.command == ["--data", str(log)] and not found.problems


def test_items_that_come_back_are_counted(tmp_path: Path):
    log = tmp_path / "log.csv"
    log.write_text(HEADER + "".join(f"u{u},i{t % 2},{t}\n" for u in range(5) for t in range(8)))
    found = inspect_log(log)
    assert found.figures and found.figures.returning == 6 / 8
    assert any(
        "75% of the events have an item that is in the user's history" in note
        for note in found.notes
    )


@pytest.mark.parametrize("kind", ["csv", "gzip", "parquet", "json", "folder"])
def test_of_a_large_log_a_part_is_read_and_the_rest_estimated(kind: str, tmp_path: Path):
    rows = [(f"u{n % 5000}", f"item {n % 97}", 1_500_000_000 + n) for n in range(200_000)]
    text = HEADER + "".join(f"{user},{item},{time}\n" for user, item, time in rows)
    log = tmp_path / f"log.{kind}"
    if kind == "csv":
        log.write_text(text)
    elif kind == "gzip":
        log.write_bytes(gzip.compress(text.encode(), 1))
    elif kind == "json":
        names = ("user_id", "item_id", "timestamp")
        log.write_text(
            "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows[:60_000])
        )
    elif kind == "parquet":
        names = ["user_id", "item_id", "timestamp"]
        parquet.write_table(pyarrow.table([list(c) for c in zip(*rows, strict=True)], names), log)
    else:
        log.mkdir()
        for part in range(40):
            lines = "".join(f"{u},{i},{t}\n" for u, i, t in rows[part::40])
            (log / f"{part:02}.csv").write_text(HEADER + lines)
    found = inspect_log(log, batches=2, seconds=1e9)
    assert found.sample and not found.sample.is_whole
    in_all = 60_000 if kind == "json" else 200_000
    assert 0 < found.sample.rows_read < 0.8 * in_all
    # Of packed files it is known only roughly how far they were read.
    close = 0.3 if kind == "gzip" else 0.15
    assert found.sample.rows == pytest.approx(in_all, rel=close)
    whole = inspect_log(log, seconds=1e9)
    assert whole.sample and whole.sample.is_whole and whole.sample.rows == in_all
    assert found.cost and whole.cost
    assert found.cost.preprocessing == pytest.approx(whole.cost.preprocessing, rel=close)
    assert found.cost.epoch == pytest.approx(whole.cost.epoch, rel=close)


def test_times_that_stand_for_none_are_told(tmp_path: Path):
    log = tmp_path / "log.csv"
    log.write_text(HEADER + ROWS + "u1,i1,0\nu2,i2,-1\n")
    assert any(
        "2 events have a time of 0 or before 1970" in note for note in inspect_log(log).notes
    )
    log.write_text(HEADER + ROWS)
    assert not any("before 1970" in note for note in inspect_log(log).notes)


def test_a_catalogue_that_was_seen_whole_does_not_grow(tmp_path: Path):
    first_seen = np.arange(1000, dtype=np.int32)
    assert growth(first_seen) == 1
    assert growth(first_seen % 50) == 0
    left = LogTotals(1000, 100_000, 10**6, 5, 5, 0)
    same, more = (expected_cost(left, left, 10, 1, items) for items in (0, 1))
    once = expected_cost(left, left)
    assert same.epoch == pytest.approx(10 * once.epoch)
    assert more.epoch == pytest.approx(10 * once.epoch * 583 / 51.9)


def test_of_many_files_with_unusable_rows_not_all_are_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    for part in range(50):
        (tmp_path / f"{part}.csv").write_text(HEADER + ROWS + "u1,,5\n")
    assert main([str(tmp_path), "--max-bad-rows=0.5"]) == 0
    printed = capsys.readouterr().out
    assert "Unusable: 50 rows" in printed and "and 30 more files and reasons" in printed
    assert f"{tmp_path}/19.csv: 1 rows" in printed and f"{tmp_path}/20.csv: 1 rows" not in printed


def test_a_part_that_is_too_small_is_no_reason_against_the_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    log = tmp_path / "log.csv"
    # In the first MiB no user comes twice.
    log.write_text(
        HEADER + "".join(f"user-{n % 60_000},i{n % 11},{n}\n" for n in range(60_000 * 6))
    )
    found = inspect_log(log, batches=1)
    assert not found.problems and found.command
    assert any("one on the whole log may" in note for note in found.notes)
    assert main([str(log)]) == 0
    assert "Rows: 360,000, all of them read." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (HEADER.encode(), "no event after the header"),
        (b'[{"user_id": 1}]', r"jq -c '.\[\]'"),
        (b'{\n "user_id": 1\n}\n', r"jq -c \."),
        (b"%PDF-1.4\n%\xe2\xe3\n", "a PDF file"),
        (b"PAR1" + b"\0" * 50, "damaged or not Parquet"),
        (gzip.compress(ROWS.encode(), mtime=0)[:-20], "cannot be read"),
        (b"a,b,c\nx,y,z\nx,y,z\n", "cannot be guessed which column is the user"),
        ((HEADER + "u1,i1,noon\n" * 9).encode(), r"100\.00%.*cannot be used"),
        ((HEADER + "".join(f"u1,i{n},{n}\n" for n in range(9))).encode(), "only one user"),
        ((HEADER + "u1,i1,1\nu2,i2,2\n").encode(), "no user is left"),
        (b"u1,i1\nu2,i2\n" * 50, "cannot be guessed which column"),
    ],
)
def test_what_would_not_start_is_told_with_the_reason(
    data: bytes, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    log = tmp_path / "log.csv"
    log.write_bytes(data)
    assert main([str(log)]) == 1
    output = capsys.readouterr()
    assert "A run would not start: " in output.err
    assert re.search(reason, output.err, re.DOTALL), output.err
    assert "pipeline.run_local" not in output.out


def test_archives_of_several_files_and_excel_say_what_to_do(tmp_path: Path):
    for name, members, advice in (
        ("logs.zip", ["a.csv", "b.csv"], "unzip"),
        ("book.xlsx", ["[Content_Types].xml", "xl/workbook.xml"], "save the sheet as CSV"),
    ):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for member in members:
                archive.writestr(member, HEADER + ROWS)
        (problem,) = inspect_log(tmp_path / name).problems
        assert advice in problem


def test_a_smaller_k_core_is_named_if_it_would_do(tmp_path: Path):
    log = tmp_path / "log.csv"
    log.write_text(HEADER + "".join(f"u{u},i{t},{t}\n" for u in range(4) for t in range(6)))
    found = inspect_log(log)
    (problem,) = found.problems
    assert "With --k-core 4 a run would start: 4 users, 6 items and 24 events are left." in problem
    assert found.command is None
    assert not inspect_log(log, DataSettings(k_core=4)).problems


def test_options_that_were_given_are_in_the_command(tmp_path: Path):
    log = tmp_path / "my log's.txt"
    log.write_text("".join(f"x;{r.rating};u{r.user};i{r.item}\n" for r in made_up_rows()))
    given = DataSettings(
        timestamp_column="",
        columns="-,rating,user,item",
        separator=";",
        where="rating >= 2",
        k_core=3,
        max_bad_rows=0.05,
    )
    found = inspect_log(log, given)
    assert found.command and "--columns=-,rating,user,item" in found.command
    options = run_local.parser().parse_args([*found.command, "--workdir", "w"])
    assert settings_of(options).data == given and options.data == str(log)
    assert found.figures
    kept = sum(row.rating >= 2 for row in made_up_rows())
    assert found.figures.before.totals.events == kept
    assert sum(map(len, read_as_run(found.command))) == found.figures.after.totals.events


def test_a_split_by_time_is_suggested_and_checked(tmp_path: Path):
    log = tmp_path / "log.csv"
    log.write_text(HEADER + ROWS)
    split = inspect_log(log).time_split
    assert split and all(split.users.values())
    given = DataSettings(
        split="time",
        validation_period=split.periods.validation,
        test_period=split.periods.test,
    )
    found = inspect_log(log, given)
    assert not found.problems and found.split_users == split.users
    (problem,) = inspect_log(
        log, DataSettings(split="time", validation_period=1, test_period=1)
    ).problems
    assert "split by time, no user is left for" in problem
    no_time = tmp_path / "no_time.csv"
    no_time.write_text(
        "user_id,item_id\n" + "".join(f"u{u},i{i}\n" for u in "abc" for i in range(9))
    )
    (problem,) = inspect_log(no_time, given).problems
    assert "--timestamp-column" in problem


def test_files_whose_times_cannot_be_compared_and_unreadable_ones_are_named(tmp_path: Path):
    (tmp_path / "day1.csv").write_text(HEADER + ROWS)
    (tmp_path / "day2.csv").write_text(HEADER + ROWS.replace("\n", "000\n"))
    (problem,) = inspect_log(tmp_path).problems
    assert "day2.csv: holds milliseconds" in problem
    (tmp_path / "day2.csv").write_text("user_id\n1\n")
    (problem,) = inspect_log(tmp_path).problems
    assert problem.startswith(f"{tmp_path}/day2.csv: row 1")


def test_spans_in_the_path_are_found_as_a_run_finds_them(tmp_path: Path):
    lines = ROWS.splitlines(keepends=True)
    for day, part in enumerate((lines[:150], lines[150:300], lines[300:]), start=1):
        (tmp_path / f"2026-01-0{day}").mkdir()
        (tmp_path / f"2026-01-0{day}" / "log.csv").write_text(HEADER + "".join(part))
    pattern = str(tmp_path / "{YYYY}-{MM}-{DD}" / "*.csv")
    found = inspect_log(pattern, DataSettings(k_core=2, window_spans=2))
    assert list(found.sizes) == [str(tmp_path / f"2026-01-0{day}" / "log.csv") for day in (2, 3)]
    assert found.command == ["--data", pattern, "--k-core", "2", "--window-spans", "2"]


def test_ids_that_are_written_in_two_ways_are_noted(tmp_path: Path):
    log = tmp_path / "log.csv"
    log.write_text(
        HEADER
        + "".join(f"{r.user},{r.item}{'.0' * (r.user % 2)},{r.time}\n" for r in made_up_rows())
    )
    assert any("12 and 12.0 count as two ids" in note for note in inspect_log(log).notes)


def test_wrong_options_end_with_2(capsys: pytest.CaptureFixture[str]):
    for wrong in (
        [""],
        ["a.csv", "b.csv"],
        ["a.csv", "--where", "rating >"],
        ["a.csv", "--k-core", "-1"],
        ["a.csv", "--validation-period", "5"],
    ):
        with pytest.raises(SystemExit) as ended:
            main(wrong)
        assert ended.value.code == 2
        assert "error: " in capsys.readouterr().err


@pytest.mark.slow
def test_no_tfx_is_loaded_without_spans():
    code = (
        "import sys, pipeline.jobs.inspect.show\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('tfx', 'apache_beam')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_name_that_is_not_utf8_and_a_terminal_that_knows_ascii_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    log = tmp_path / "log.csv"
    log.write_text(HEADER + ROWS.replace("i1,", "\u00e9\x1b[31m,"))
    terminal = io.BytesIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", io.TextIOWrapper(terminal, "ascii"))
        assert main([str(log)]) == 0
        printed = terminal.getvalue()
        assert b"--data" in printed and b"\x1b" not in printed
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.csv")
    log.rename(odd)
    for data in (odd, str(tmp_path)):
        assert main([data]) == 1
        assert "is not UTF-8" in capsys.readouterr().err


def _has_opened(pid: int, file: Path) -> bool:
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since it was listed
            if os.readlink(descriptor) == str(file):
                return True
    return False


@pytest.mark.slow
@pytest.mark.usefixtures("heard_interrupts")
def test_an_interrupt_ends_quietly(tmp_path: Path):
    log = tmp_path / "log.csv"
    log.write_text(HEADER + ROWS * 200_000)  # which takes seconds
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.inspect", str(log)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    while not _has_opened(process.pid, log):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=120)
    assert (process.returncode, output, errors) == (130, b"", b"")


def test_a_pipe_is_refused(tmp_path: Path):
    log = tmp_path / "log.fifo"
    os.mkfifo(log)
    for data in (log, "/dev/null"):
        (problem,) = inspect_log(data).problems
        assert "is a pipe or a device" in problem


@given(layout=st.sampled_from(sorted(LAYOUTS)), data=st.data())
@settings_of_hypothesis(max_examples=60)
def test_damaged_files_end_with_a_reason_or_a_command(
    layout: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
):
    log = LAYOUTS[layout](tmp_path_factory.getbasetemp())
    damaged = bytearray(log.read_bytes())
    place = data.draw(st.integers(0, len(damaged)))
    match data.draw(st.sampled_from(["cut", "insert", "replace", "packed"])):
        case "cut":
            del damaged[place:]
        case "insert":
            damaged[place:place] = data.draw(st.binary(min_size=1, max_size=20))
        case "replace":
            new = data.draw(st.binary(min_size=1, max_size=20))
            damaged[place : place + len(new)] = new
        case _:
            damaged = bytearray(gzip.compress(damaged, mtime=0)[: place + 1])
    log.write_bytes(damaged)
    found = inspect_log(log)
    show(found, Console(file=io.StringIO()))
    assert (found.command is None) == bool(found.problems)
    assert all(str(log) in problem for problem in found.problems)


def test_a_column_of_missing_users_is_not_taken_and_a_user_of_many_events_is_noted(tmp_path: Path):
    log = tmp_path / "train-item-views.csv"  # the layout of Diginetica
    log.write_text(
        "session_id;userId;itemId;timeframe;eventdate\n"
        + "".join(
            f"{r.user};{r.user if r.user == 1 else 'NA'};{r.item};{r.time % 1000};2016-05-09\n"
            for r in made_up_rows()
        )
    )
    found = inspect_log(log)
    assert found.settings.user_column == "session_id" and found.command
    assert not any("are of one user" in note for note in found.notes)
    log.write_text(HEADER + ROWS + "".join(f"NA,i{n % ITEMS},{n}\n" for n in range(EVENTS)))
    assert any("50% of the events are of one user, 'NA'" in n for n in inspect_log(log).notes)


def test_dates_that_cannot_be_read_are_no_reason_to_go_on_without_times(tmp_path: Path):
    log = tmp_path / "log.csv"
    log.write_text(
        "user_id,item_id,date\n"
        + "".join(f"u{r.user},i{r.item},07/{r.user % 28 + 1}/2017\n" for r in made_up_rows())
    )
    (problem,) = inspect_log(log).problems
    assert "column 'date' looks like the time, but it contains '07/" in problem
    assert "ISO 8601" in problem
    assert not inspect_log(log, DataSettings(timestamp_column="")).problems


def test_columns_that_count_the_rows_are_no_users(tmp_path: Path):
    log = tmp_path / "log.csv"
    rows = enumerate(made_up_rows())
    log.write_text("".join(f"{n},{r.user},{r.item},{r.time}\n" for n, r in rows))
    assert inspect_log(log).settings.columns == "-,user,item,timestamp"


def test_the_finest_time_is_taken(tmp_path: Path):
    log = tmp_path / "log.csv"
    rows = [
        f"{n % 40},{n * 7 % 31},2022041{n % 3},{1_650_366_761_007 + n * 7919}\n" for n in range(900)
    ]
    log.write_text("user_id,video_id,date,time_ms\n" + "".join(rows))
    found = inspect_log(log)
    assert found.settings.timestamp_column == "time_ms" and found.command
    rows = [
        f"{n % 40},{n * 7 % 31},19{n % 9 + 50}-01-31,2022-01-01T{n % 24:02}:{n % 60:02}:00\n"
        for n in range(900)
    ]
    log.write_text("user,product,birth_date,bought_at\n" + "".join(rows))
    assert inspect_log(log).settings.timestamp_column == "bought_at"


def test_a_time_that_cannot_be_read_is_not_passed_over(tmp_path: Path):
    log = tmp_path / "log.jsonl"
    row = {"user_id": "u", "book_id": "3", "date_added": "Fri Apr 15 05:46:06 -0700 2022"}
    log.write_text("".join(json.dumps({**row, "user_id": f"u{n % 9}"}) + "\n" for n in range(90)))
    (problem,) = inspect_log(log).problems
    assert "'date_added' looks like the time, but it contains 'Fri Apr 15" in problem


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        ("{n},30000{n},streamer{n},0,3", "user,item,-,-,-"),
        ("{n}\tU{n}\t4/15/2022 5:46:06 AM\tN1 N2 N3", "-,user,item,-"),
    ],
)
def test_a_first_row_with_numbers_is_no_header(tmp_path: Path, row: str, columns: str):
    log = tmp_path / "log.tsv"
    log.write_text("".join(row.format(n=n % 50 + n // 50) + "\n" for n in range(300)))
    found = inspect_log(log)
    assert found.preview and not found.preview.kind.has_header
    assert found.preview.kind.separator == ("\t" if "\t" in row else ",")
    with pytest.raises(EventLogError, match="has no header.*--columns"):
        load_interactions(log)


def test_few_items_and_spaces_that_nobody_sees_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    log = tmp_path / "log.csv"
    rows = [f"u{n % 200}, {n * 7 % 5},{n}\n" for n in range(2000)]
    log.write_text("user_id,item_id,timestamp\n" + "".join(rows))
    assert main([str(log)]) == 0
    printed = capsys.readouterr().out
    assert "there are only 5 items" in printed and "begin or end with a space" in printed
    assert "' 0' | ' 2' | ' 4'" in printed


def test_suggested_columns_can_be_pasted(tmp_path: Path):
    log = tmp_path / "log.csv"
    log.write_text("".join(f"{n},u{n % 9},item{n % 7}\n" for n in range(60)))
    with pytest.raises(EventLogError) as error:
        load_interactions(log)
    (option,) = re.findall(r"(--columns\S+?)\.?$", str(error.value))
    assert option == "--columns=-,user,item"
    found = inspect_log(log, DataSettings(columns="-,user,item", timestamp_column=""))
    assert found.command and option in found.command


def test_a_table_of_the_catalogue_is_told_and_is_in_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    log, items = tmp_path / "log.csv", tmp_path / "items.csv"
    write_sample(log, 2000)
    write_items(items, 2000)
    assert main([str(log), f"--items={items}", "--item-categories=kind"]) == 0
    told = capsys.readouterr().out
    assert re.search(rf"Items: {items}: \d+ items with events and \d+ items without\. ", told)
    assert "Features: kind (a category of" in told and "embedding" not in told
    assert f"--items {items} --item-categories kind --workdir" in told


def test_items_of_the_table_are_told_from_those_that_the_k_core_drops(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    log, items = tmp_path / "log.csv", tmp_path / "items.csv"
    events = [f"u{user},{item},{time}" for user in range(9) for time, item in enumerate("abcdef")]
    log.write_text("\n".join(["user_id,item_id,timestamp", "u1,rare,9", *events]) + "\n")
    table = [f"{item},{'xy'[number % 2]}" for number, item in enumerate("abcdefg")]
    items.write_text("\n".join(["item_id,kind", *table]) + "\n")
    assert main([str(log), f"--items={items}", "--k-core=2"]) == 0
    assert "6 items with events and 1 item without. " in capsys.readouterr().out


def test_a_table_that_cannot_be_used_is_a_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    log, items = tmp_path / "log.csv", tmp_path / "items.csv"
    write_sample(log, 2000)
    items.write_text("item_id,kind\nx,a\ny,a\nz,b\n")
    for options, reason in (
        ([], "none of its ids, such as 'x', is an item of the catalogue"),
        (["--item-vectors=v"], "has no column 'v'"),
    ):
        assert main([str(log), f"--items={items}", *options]) == 1
        told = capsys.readouterr()
        assert f"A run would not start: {items}: {reason}" in told.err
        assert "pipeline.run_local" not in told.out
