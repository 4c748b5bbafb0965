"""Daily folders: which spans are read, in which version, and when the cached Examples hold."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tfx.types.standard_component_specs import INPUT_CONFIG_KEY

from mclrec_tf.data.event_log.reader import EventLogError, EventLogFormat
from pipeline.components.example_gen.component import example_gen
from pipeline.components.example_gen.driver import Driver
from pipeline.components.example_gen.event_log.newest_spans import log_files, newest_spans
from pipeline.components.example_gen.executor import Executor
from pipeline.settings import DataSettings
from tests.pipeline.components.example_gen.conftest import run_executor, write_log


def day(folder: Path, name: str, items: str = "abc") -> Path:
    """One day's log: an event a user an item."""
    (folder / name).mkdir(parents=True)
    time = 100 * len([*folder.rglob("*.csv")])
    events = [(u, f"{i}-{name}", time + n) for u in ("ann", "bob") for n, i in enumerate(items)]
    return write_log(folder / name / "log.csv", events)


def resolved(path: Path | str, **settings) -> dict:
    """What the driver hands to the executor."""
    component = example_gen(str(path), DataSettings(**settings))
    return Driver(None).resolve_exec_properties(dict(component.exec_properties), None, None)


def test_all_days_up_to_the_newest_or_a_window_of_them(tmp_path: Path):
    for name in ("2024-01-31", "2024-02-01", "2023-12-31", "2024-02-02"):
        day(tmp_path, name)
    pattern = str(tmp_path / "{YYYY}-{MM}-{DD}" / "*.csv")
    files, spans = log_files(pattern, EventLogFormat(), window=0)
    names = ["2023-12-31", "2024-01-31", "2024-02-01", "2024-02-02"]
    assert files == [str(tmp_path / name / "log.csv") for name in names]
    assert [span.number for span in spans] == [19722, 19753, 19754, 19755]
    assert log_files(pattern, EventLogFormat(), window=2)[0] == files[2:]
    assert log_files(pattern, EventLogFormat(), window=2, newest=19754)[0] == files[1:3]


def test_the_newest_version_of_each_span(tmp_path: Path):
    for name in ("span-1/v1", "span-2/v1", "span-2/v10", "span-2/v9", "span-10/v2"):
        day(tmp_path, name)
    spans = newest_spans(str(tmp_path / "span-{SPAN}" / "v{VERSION}" / "*"), window=0)
    assert [(span.number, span.version) for span in spans] == [(1, 1), (2, 10), (10, 2)]


def test_the_executor_reads_them_in_their_order(tmp_path: Path):
    for name in ("day-08", "day-10", "day-09"):
        day(tmp_path / "days", name)
    # Without the files' own name: a day is a folder.
    path = str(tmp_path / "days" / "day-{SPAN:2}")
    properties = resolved(path, k_core=0, window_spans=2)
    assert properties["span"] == 10
    ingested = run_executor(path, tmp_path / "out", DataSettings(k_core=0, window_spans=2))
    test = ingested.splits["test"]["ann"]
    # day-10 was written before day-09: time, not the span, orders a user's events.
    expected = [f"{item}-{name}" for name in ("day-10", "day-09") for item in "abc"]
    assert [*test.history, test.target] == expected
    assert [span.number for span in ingested.report.spans] == [9, 10]
    assert ingested.report.files == 2


def test_tfx_own_driver_as_kubeflow_runs_it_will_do(tmp_path: Path, monkeypatch):
    for name in ("day-1", "day-2"):
        day(tmp_path, name)
    path = str(tmp_path / "day-{SPAN}" / "*")
    assert "day-2" in resolved(path)[INPUT_CONFIG_KEY]
    ingested = run_executor(path, tmp_path / "out", DataSettings(k_core=0))
    assert [span.number for span in ingested.report.spans] == [1, 2]


def test_the_fingerprint_is_of_every_span_that_is_read(tmp_path: Path):
    logs = {name: day(tmp_path, name) for name in ("day-1", "day-2", "day-3")}
    path = tmp_path / "day-{SPAN}" / "*"

    def fingerprint() -> str:
        return resolved(path, window_spans=2)["input_fingerprint"]

    first = fingerprint()
    assert fingerprint() == first
    os.utime(logs["day-1"], (10**9, 10**9))  # not in the window
    assert fingerprint() == first
    os.utime(logs["day-2"], (10**9, 10**9))
    assert fingerprint() != first
    second = fingerprint()
    day(tmp_path, "day-4")
    assert fingerprint() != second


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("day-{SPAN}/*", "no file matches it"),
        ("{YYYY}-{MM}/*", "Exactly one of each date spec"),
        ("{SPAN}/{YYYY}{MM}{DD}/*", "exclusively"),
        ("v{VERSION}/*", "Span or Date spec is not present"),
        ("odd-{SPAN}/*", "Cannot find span number from .*odd-one"),
        ("zero-{SPAN}/*", r"no file of span 7 matches .*zero-7.*\{SPAN:3\}"),
    ],
)
def test_a_path_that_is_no_path_of_spans(tmp_path: Path, path: str, message: str):
    for name in ("odd-one", "zero-007"):
        day(tmp_path, name)
    with pytest.raises(EventLogError, match=message):
        log_files(str(tmp_path / path), EventLogFormat(), window=0)


def test_spans_without_a_time_are_refused(tmp_path: Path):
    day(tmp_path, "day-1")
    with pytest.raises(EventLogError, match="needs a time column"):
        log_files(str(tmp_path / "day-{SPAN}/*"), EventLogFormat(timestamp_column=""), window=0)


def test_a_plain_log_has_no_spans(ingest: Callable, tmp_path: Path):
    assert ingest(day(tmp_path, "day", "abcd")).report.spans == []
    assert issubclass(example_gen("log.csv").EXECUTOR_SPEC.executor_class, Executor)
