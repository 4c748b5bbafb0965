"""The measurement of the preprocessing: what it counts, and that its limit holds."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks import preprocessing, preprocessing_step
from benchmarks.preprocessing import growth
from benchmarks.preprocessing_step import STEPS
from benchmarks.watched_process import watch
from mclrec_tf.data.sample.sample_log import write_sample

# Takes so many megabytes in a child of its own, and holds them for a moment.
_CHILD = (
    "import subprocess, sys; subprocess.run([sys.executable, '-c', "
    "'import time; held = bytearray(b\"1\") * ({} << 20); time.sleep(1)'])"
)


def watched_child(tmp_path: Path, megabytes: int, limit_gb: float):
    command = [sys.executable, "-c", _CHILD.format(megabytes)]
    return watch(command, tmp_path / "log", limit_gb, tmp_path)


def test_the_memory_of_children_counts(tmp_path: Path):
    found = watched_child(tmp_path, megabytes=300, limit_gb=4)
    assert (found.status, found.above_limit) == (0, False)
    assert 0.3 < found.peak_memory_gb < 0.5


def test_what_takes_too_much_is_ended(tmp_path: Path):
    found = watched_child(tmp_path, megabytes=300, limit_gb=0.2)
    assert found.above_limit and found.status < 0
    assert found.process_seconds < 10


def test_growth_by_hand():
    sizes = [
        {
            "events": events,
            "steps": [
                {
                    "step": "Transform",
                    "seconds": 2 * events,
                    "cpu_seconds": events**2,
                    "peak_memory_gb": 1 + events / 1e6,
                },
                {"step": "DataGate", "peak_memory_gb": 9, "failure": "too much"},
            ],
        }
        for events in (1000, 100)
    ]
    assert growth(sizes) == {
        "Transform": {"seconds": 1.0, "cpu_seconds": 2.0, "gb_a_million_events": 1.0}
    }
    assert growth(sizes[:1]) == {}


def test_a_component_of_the_pipeline_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    log = tmp_path / "log.csv"
    assert write_sample(log, 1000, num_items=20).items == 20  # of 95 by default
    for step in ("CuratedSchema", "FileBasedExampleGen"):
        preprocessing_step.main([step, f"--data={log}", f"--workdir={tmp_path}"])
        found = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert found["seconds"] > 0 and found["cpu_seconds"] > 0 and found["loaded_gb"] > 0
    assert [*tmp_path.glob("artifacts/FileBasedExampleGen/examples/*/Split-test/*.gz")]


def test_a_size_that_fails_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "result"
    with pytest.raises(SystemExit) as ended:
        preprocessing.main(["--events=1000", "--memory-gb=0.1", f"--out={out}"])
    assert ended.value.code == 1
    (size,) = json.loads(out.with_suffix(".json").read_text())["sizes"]
    assert size["events"] == 1000
    (step,) = size["steps"]
    assert (step["step"], step["failure"]) == ("CuratedSchema", "more than 0.1 GB")
    assert "failed" in capsys.readouterr().out


@pytest.mark.slow
def test_every_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "result"
    with pytest.raises(SystemExit) as ended:
        preprocessing.main(["--events=1000", f"--out={out}", "--json"])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found == json.loads(out.with_suffix(".json").read_text())
    (size,) = found["sizes"]
    assert [row["step"] for row in size["steps"] if "failure" not in row] == [*STEPS]
    assert ended.value.code == 0
    assert size["artifact_bytes"]["Transform"] > 0
    assert 0 < size["steps"][-1]["events"] < size["events"]
