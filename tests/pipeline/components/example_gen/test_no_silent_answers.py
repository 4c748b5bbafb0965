"""What once gave a wrong answer in silence, or a late one, through the whole of ExampleGen."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from mclrec_tf.data.event_log.reader import EventLogError
from tests.mclrec_tf.data.event_log.written_logs import Table, tables, written


def _stamps(path: Path, unit: str, factor: int, times: list[int]) -> None:
    stamps = pyarrow.array([time * factor for time in times] * 2, pyarrow.int64())
    table = {
        "user_id": ["a"] * len(times) + ["b"] * len(times),
        "item_id": [f"i{time}" for time in times] * 2,
        "timestamp": stamps.cast(pyarrow.timestamp(unit)),
    }
    parquet.write_table(pyarrow.table(table), path, version="2.6")


def test_days_in_nanoseconds_and_in_microseconds(ingest: Callable, tmp_path: Path):
    _stamps(tmp_path / "day0.parquet", "ns", 10**9, [1, 2])
    _stamps(tmp_path / "day1.parquet", "us", 10**6, [3, 4])
    splits, *_ = ingest(tmp_path)
    assert [*splits["test"]["a"].history, splits["test"]["a"].target] == ["i1", "i2", "i3", "i4"]


def test_days_in_seconds_and_in_milliseconds_are_refused(ingest: Callable, tmp_path: Path):
    for name, factor in (("day0", 1), ("day1", 1000)):
        rows = [f"{u},i{n},{(1_700_000_000 + n) * factor}\n" for u in "ab" for n in range(4)]
        (tmp_path / f"{name}.csv").write_text("user_id,item_id,timestamp\n" + "".join(rows))
    with pytest.raises(EventLogError, match="day1.csv: .*milliseconds.*day0.csv"):
        ingest(tmp_path)


def test_a_table_named_txt_is_refused(ingest: Callable, tmp_path: Path):
    rows = [f"{u}\t{n}\t3\t{881250949 + n}\n" for u in range(3) for n in range(9)]
    (tmp_path / "u.txt").write_text("".join(rows))
    with pytest.raises(EventLogError, match="u.txt: .*four tab-separated.*user,item,-,timestamp"):
        ingest(tmp_path / "u.txt")
    splits, report, _ = ingest(tmp_path / "u.txt", columns="user,item,-,timestamp")
    assert report.rows == 27 and splits["test"]["1"].timestamps[0] == 881250949


def test_pairs_keep_every_repeat(ingest: Callable, tmp_path: Path):
    (tmp_path / "1.txt").write_text("a x\na y\na x\nb x\nb y\nb z\nb z\n")
    (tmp_path / "2.txt").write_text("a z x\nb x\n")
    splits, report, _ = ingest(tmp_path)
    assert report.duplicates == 0 and report.before.events == 10
    assert [*splits["test"]["a"].history, splits["test"]["a"].target] == ["x", "y", "x", "z", "x"]
    assert splits["test"]["b"].timestamps == [1, 2, 3, 4]


def test_a_log_that_is_too_small_is_refused_with_its_numbers(ingest: Callable, tmp_path: Path):
    """Before anything is trained: with three events each, nothing follows another in training."""
    events = [(user, f"i{n}", n) for user in "abc" for n in range(3)]
    with pytest.raises(EventLogError, match="nothing can be learned: of 3 users.*9 events"):
        ingest(events)


def test_two_forms_of_an_id_are_in_the_report(ingest: Callable):
    events = [(user, item, n) for user in "ab" for n, item in enumerate(["12", "13", "12.0", "7"])]
    _, report, _ = ingest(events)
    (note,) = report.notes
    assert "2 of 8 ids end in .0" in note


@pytest.mark.slow
@given(st.data(), tables())
@settings(
    max_examples=12,
    phases=[Phase.generate],  # an example takes seconds
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_every_way_of_writing_gives_the_same_examples(
    ingest: Callable,
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
    table: Table,
):
    folder = tmp_path_factory.mktemp("logs")
    log = data.draw(written(table, folder / "log"))
    plain = ingest(table.write_plain(folder / "plain.csv"))
    found = ingest(log.path, **dataclasses.asdict(log.format), max_bad_rows=0.0)
    times = {}
    for event in dict.fromkeys(table.events):
        times.setdefault(event.user, []).append(event.time)
    for split, examples in plain.splits.items():
        same = {user: e._replace(timestamps=[]) for user, e in found.splits[split].items()}
        assert same == {user: e._replace(timestamps=[]) for user, e in examples.items()}
        for user, example in found.splits[split].items():
            expected = [time // log.unit for time in sorted(times[user])]
            assert example.timestamps == expected[: len(example.timestamps)]
    assert found.report.before.events == plain.report.before.events
    assert found.report.duplicates == plain.report.duplicates
