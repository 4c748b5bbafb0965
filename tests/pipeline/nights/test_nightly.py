"""Runs night after night on daily folders, split by time, and a day that must not be learned."""

import csv
from pathlib import Path

import pytest

from mclrec_tf.data.sample.sample_log import write_sample
from pipeline.components.example_gen.event_log.log_report import read_report
from tests.pipeline.local_run import SMALL_MODEL, LocalRun
from tests.pipeline.nights.week import deliver

pytestmark = pytest.mark.slow

DAYS = 3


@pytest.fixture
def days(tmp_path: Path) -> list[list[dict[str, str]]]:
    """The usable rows of a sample, in so many parts of equal size, one after the other."""
    write_sample(tmp_path / "sample.csv", 6000)
    with open(tmp_path / "sample.csv", newline="") as sample:
        rows = [row for row in csv.DictReader(sample) if row["timestamp"].isdecimal()]
    rows.sort(key=lambda row: int(row["timestamp"]))
    size = len(rows) // DAYS
    return [rows[day * size : (day + 1) * size] for day in range(DAYS)]


def test_daily_folders(days, tmp_path: Path, capfd: pytest.CaptureFixture):
    log = tmp_path / "log"
    run = LocalRun(log / "{YYYY}-{MM}-{DD}" / "v{VERSION}" / "*.csv", tmp_path / "run")
    newest = [int(rows[-1]["timestamp"]) for rows in days]
    period = (newest[1] - newest[0]) // 5
    options = (
        *(*SMALL_MODEL, "--min-lift=0", "--max-drop=1", "--split=time"),
        *(f"--test-period={period}", f"--validation-period={period}"),
    )
    for day in (0, 1):
        deliver(log / f"2024-05-0{day + 1}" / "v1", days[day])
        assert run.run_here(*options) == 0, capfd.readouterr()
        examples = run.components()["FileBasedExampleGen"].outputs["examples"][0]
        report = read_report(examples.uri)
        assert (len(report.spans), report.after.newest_event) == (day + 1, newest[day])
        assert 0 < report.split_users["test"] < report.split_users["train"]
    pushed = run.versions()
    assert len(pushed) == 2

    deliver(log / "2024-05-03" / "v1", [row | {"item_id": "None"} for row in days[2]])
    capfd.readouterr()
    assert run.run_here(*options) == 1
    error = capfd.readouterr().err
    assert error.startswith("The data were refused, nothing was trained:\n  span 19846 (")
    assert "2024-05-03/v1/*.csv), history: High Linfty distance" in error
    assert "Transform" not in run.components() and run.versions() == pushed

    deliver(log / "2024-05-03" / "v2", days[2])
    assert run.run_here(*options) == 0
    assert len(run.versions()) == 3
