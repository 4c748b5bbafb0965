"""A log that cannot be used stops ExampleGen with one EventLogError that says where, why and how
to go on: the exception of the reader itself, not what Beam makes of it."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from mclrec_tf.data.event_log.reader import EventLogError
from mclrec_tf.data.interactions import load_interactions
from pipeline.jobs.inspect.inspection import inspect_log

HEADER = "user_id,item_id,timestamp\n"
GOOD = "".join(f"{user},item{time},{time}\n" for user in ("ann", "bob") for time in range(5))


def assert_refused(run: Callable[[], object], *messages: str) -> None:
    with pytest.raises(EventLogError) as error:
        run()
    for message in messages:
        assert re.search(message, str(error.value)), error.value


def test_files_that_cannot_be_read_are_all_named(ingest: Callable, tmp_path: Path):
    (tmp_path / "good.csv").write_text(HEADER + GOOD)
    (tmp_path / "missing_column.csv").write_text("user,item_id,timestamp\nann,tea,1\n")
    (tmp_path / "not_gzip.csv.gz").write_bytes(b"\x1f\x8b" + (HEADER + GOOD).encode())
    (tmp_path / "cut_off.csv.gz").write_bytes(gzip.compress((HEADER + GOOD * 99).encode())[:-30])
    assert_refused(
        lambda: ingest(tmp_path),
        f"^{tmp_path}/cut_off.csv.gz: row .* cannot be read",
        f"\n{tmp_path}/missing_column.csv: row 1 .*'user_id'.*--user-column",
        f"\n{tmp_path}/not_gzip.csv.gz: row 1 .* cannot be read",
    )


def test_empty_files_beside_others_are_left_out_and_told(ingest: Callable, tmp_path: Path):
    parquet.write_table(
        pyarrow.table({"user_id": [], "item_id": [], "timestamp": []}), tmp_path / "part-0.parquet"
    )
    (tmp_path / "part-1.csv").write_text("")
    (tmp_path / "part-2.csv").write_text(HEADER)
    assert_refused(lambda: ingest(tmp_path), "part-0.parquet: the file is empty")
    (tmp_path / "part-3.csv").write_text(HEADER + GOOD)
    (note,) = ingest(tmp_path).report.notes
    assert note == f"3 of 4 files are empty and were left out: {tmp_path}/part-0.parquet"
    assert load_interactions(tmp_path, k_core=0).report.notes == [note]
    assert note in inspect_log(tmp_path).notes


def test_no_file(ingest: Callable, tmp_path: Path):
    assert_refused(lambda: ingest(tmp_path / "log.csv"), "log.csv: no such file")
    assert_refused(lambda: ingest(tmp_path / "*.csv"), "no file matches")
    assert_refused(lambda: ingest(tmp_path), "the folder holds no event log")
    (tmp_path / "log.xls").write_bytes(b"\xd0\xcf\x11\xe0" + bytes(100))
    assert_refused(lambda: ingest(tmp_path / "log.xls"), r"log.xls: .* save the sheet as CSV")


def test_several_files_without_a_time_have_no_order(ingest: Callable, tmp_path: Path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(HEADER + GOOD)
    assert_refused(lambda: ingest(tmp_path, timestamp_column=""), "no time column")


def test_too_many_unusable_rows_are_listed(ingest: Callable, tmp_path: Path):
    log = tmp_path / "log.csv"
    log.write_text(HEADER + GOOD + "ann,tea,noon\n,tea,7\nann,,8\nann,tea,nan\n")
    assert_refused(
        lambda: ingest(log, max_bad_rows=0.28),
        rf"^{log}: 4 of 14 rows \(28\.57%\) cannot be used, more than 28\.00%",
        rf"{log}: 2 rows \(is not a number\): row 12, column timestamp: 'noon'; row 15",
        "row 13, column user_id: ''; row 14, column item_id: ''",
        "--max-bad-rows",
    )


def test_only_unusable_rows(ingest: Callable, tmp_path: Path):
    log = tmp_path / "log.csv"
    log.write_text(HEADER + "ann,tea,noon\n")
    assert_refused(lambda: ingest(log, max_bad_rows=1.0), f"^{log}: .* no usable row")


def test_one_user(ingest: Callable):
    log = [("ann", f"item{time % 3}", time) for time in range(20)]
    assert_refused(
        lambda: ingest(log),
        r"^/.*/log.csv: the event log has only one user \(users: 1, items: 3, events: 20\)",
        "Give more data",
    )


def test_one_item(ingest: Callable):
    log = [(user, "tea", time) for user in ("ann", "bob") for time in range(20)]
    assert_refused(
        lambda: ingest(log),
        r"^/.*/log.csv: the event log has only one item \(users: 2, items: 1, events: 40\)",
        "nothing to rank",
    )


def test_one_user_is_left(ingest: Callable):
    log = [("ann", f"item{time % 3}", time) for time in range(30)] + [("bob", "item1", 1)]
    assert_refused(
        lambda: ingest(log, k_core=5), r"k = 5\) .* only one user", "Lower --k-core or give more"
    )


def test_nobody_is_left(ingest: Callable):
    log = [(user, f"item{time}", time) for user in ("ann", "bob") for time in range(4)]
    assert_refused(
        lambda: ingest(log, k_core=5),
        "/log.csv: no user is left of 2 users, 4 items and 8 events",
        "Lower --k-core or give more data",
    )


@pytest.mark.parametrize(
    "held_out", [{}, {"split": "time", "validation_period": 1, "test_period": 1}]
)
def test_nobody_has_two_events_in_training(ingest: Callable, held_out: dict):
    log = [(user, item, time) for user in "abcd" for time, item in enumerate("xyz")]
    assert_refused(
        lambda: ingest(log, **held_out),
        "/log.csv: nothing can be learned: of 4 users, none has two events in training",
        "four events",
    )


def test_nobody_has_three_events(ingest: Callable):
    log = [(user, item, time) for user in "abcd" for time, item in enumerate("xy")]
    assert_refused(
        lambda: ingest(log, k_core=2),
        "/log.csv: no user is left",
        "leaves 4 users",
        "three",
        "--k-core",
    )
