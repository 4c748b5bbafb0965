"""A second day: the search has chosen the settings, and training goes on from the blessed model."""

import csv
import json
import re
from pathlib import Path

import pytest

from mclrec_tf.data.sample.sample_log import write_sample
from tests.pipeline.local_run import SMALL_MODEL, LocalRun

pytestmark = pytest.mark.slow

_OPTIONS = (*SMALL_MODEL, "--min-lift=0", "--max-drop=1")


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The log of the first day, and that with more events, users and items of the second."""
    folder = tmp_path_factory.mktemp("days")
    write_sample(folder / "second.csv", 6000)
    with open(folder / "second.csv", newline="") as all_, open(folder / "first.csv", "w") as some:
        rows = list(csv.reader(all_))
        csv.writer(some).writerows(rows[:4000])
    return folder / "first.csv", folder / "second.csv"


def _chosen(run: LocalRun) -> dict[str, float]:
    [best] = Path(run.components()["Tuner"].outputs["best_hyperparameters"][0].uri).iterdir()
    return json.loads(best.read_text())["values"]


def test_two_days(days: tuple[Path, Path], tmp_path: Path) -> None:
    space = tmp_path / "space.json"
    space.write_text(json.dumps({"learning_rate": [1e-9, 0.01]}))
    options = (*_OPTIONS, "--trials=2", f"--search-space={space}", "--start-from=blessed")

    first = LocalRun(days[0], tmp_path / "run")
    outcome = first.run(*options)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert _chosen(first) == {"learning_rate": 0.01}  # the other one learns nothing
    assert "trial 2/2: learning_rate" in outcome.stdout
    assert "goes on from" not in outcome.stdout  # there was nothing yet

    second = LocalRun(days[1], tmp_path / "run")
    outcome = second.run(*options)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    found = re.search(r"goes on from \S+, which knows (\d+) of (\d+) items", outcome.stdout)
    assert found
    known, items = map(int, found.groups())
    assert 0 < known < items
    by_chance, went_on = _first_losses(tmp_path / "run")
    assert went_on < by_chance
    assert len(second.versions()) == 2


def _first_losses(workdir: Path) -> list[float]:
    """Of the first epoch of each training, in the order of the days."""
    logs = sorted(workdir.rglob("history.json"), key=lambda file: file.stat().st_mtime)
    return [json.loads(file.read_text())[0]["loss"] for file in logs]


def test_another_encoder_than_yesterdays_starts_from_scratch(
    days: tuple[Path, Path], tmp_path: Path
) -> None:
    first = LocalRun(days[0], tmp_path / "run")
    outcome = first.run(*_OPTIONS, "--encoder=post_norm_sasrec")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr

    second = LocalRun(days[1], tmp_path / "run")
    outcome = second.run(*_OPTIONS, "--start-from=blessed")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert re.search(
        r"starts from scratch, not from \S+: its encoder is a PostNormSASRec, that of the new "
        r"model a SASRec\.",
        outcome.stdout,
    )
    assert len(second.versions()) == 2
