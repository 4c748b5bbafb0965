"""What goes out has learned from every event, and is never what a later model is compared with."""

import csv
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf.data.sample.sample_log import write_sample
from pipeline.components.refit.report import read_refit_report
from tests.pipeline.local_run import SMALL_MODEL, LocalRun

pytestmark = pytest.mark.integration

_OPTIONS = (*SMALL_MODEL, "--members=1", "--min-lift=0", "--max-drop=1", "--refit")


def output(run: LocalRun, component: str, name: str) -> Path:
    return Path(run.components()[component].outputs[name][0].uri)


def scores_of(export: Path, history: list[str]) -> np.ndarray:
    """The scores of what an export recommends."""
    loaded = tf.saved_model.load(str(export))
    row = [history + [""] * (50 - len(history))]
    found = loaded.signatures["serving_default"](tf.constant(row))
    return found["scores"][0].numpy()


@pytest.fixture
def rows(tmp_path: Path) -> list[list[str]]:
    """The rows of a sample; the first one is its header."""
    write_sample(tmp_path / "all.csv", 6000)
    with (tmp_path / "all.csv").open(newline="") as file:
        return list(csv.reader(file))


def deliver(run: LocalRun, rows: list[list[str]]) -> None:
    """Writes the log of a run anew."""
    with run.log.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def test_the_pushed_model_has_seen_every_event(
    tmp_path: Path, rows: list[list[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    run = LocalRun(tmp_path / "log.csv", tmp_path / "run")
    deliver(run, rows)
    assert run.run_here(*_OPTIONS) == 0, capfd.readouterr()
    report = read_refit_report(str(output(run, "Refit", "model")))
    assert report is not None and report.refitted and 0.3 < report.agreement < 1
    assert report.held_out == 2 * report.users  # one event of validation and one of test
    assert report.in_words() in capfd.readouterr().out
    [page] = (tmp_path / "run" / "reports").glob("*.html")
    assert report.in_words() in page.read_text()
    evaluated, refitted = output(run, "Trainer", "model"), output(run, "Refit", "model")
    [version] = run.versions()
    history = sorted(Path(evaluated, "Format-Serving", "assets", "items").read_text().split())[:5]
    scores = scores_of(run.models / version, history)
    np.testing.assert_array_equal(scores, scores_of(refitted / "Format-Serving", history))
    assert not np.array_equal(scores, scores_of(evaluated / "Format-Serving", history))

    # The same command again trains nothing and pushes nothing.
    assert run.run_here(*_OPTIONS) == 0
    assert run.versions() == [version] and run.components()["Refit"].cached


@pytest.mark.slow
def test_later_nights_are_compared_with_what_was_evaluated(
    tmp_path: Path, rows: list[list[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    run = LocalRun(tmp_path / "log.csv", tmp_path / "run")
    deliver(run, rows[:4000])
    assert run.run_here(*_OPTIONS) == 0, capfd.readouterr()
    evaluated, [served] = output(run, "Trainer", "model"), run.versions()

    # Nothing agrees wholly with what was evaluated, so that goes out.
    deliver(run, rows[:5800])
    assert run.run_here(*_OPTIONS, "--min-agreement=1") == 0, capfd.readouterr()
    said = capfd.readouterr().out
    assert f"compared with {evaluated}" in said
    assert "The evaluated model goes out. The 10 best items agree" in said
    newest = max(run.versions(), key=int)
    assert newest != served
    history = sorted(Path(evaluated, "Format-Serving", "assets", "items").read_text().split())[:5]
    np.testing.assert_array_equal(
        scores_of(run.models / newest, history),
        scores_of(output(run, "Trainer", "model") / "Format-Serving", history),
    )

    # A model that is refused does not go on, and the run after it finds nothing amiss.
    deliver(run, rows)
    for _ in range(2):
        assert run.run_here(*_OPTIONS, "--min-ndcg=1") == 3
        assert read_refit_report(str(output(run, "Refit", "model"))) is None
    assert max(run.versions(), key=int) == newest
