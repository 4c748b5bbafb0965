"""Whole runs on what is gone, copied, spelled otherwise, or on a disk that is full."""

import os
import shutil
from pathlib import Path

import pytest

from mclrec_tf.data.sample.sample_log import write_sample
from tests.pipeline.local_run import SMALL_MODEL, LocalRun
from tests.pipeline.small_disk import fill, small_disk

OPTIONS = (*SMALL_MODEL, "--min-lift=0", "--epochs=1")
OTHER_OPTIONS = (*OPTIONS, "--learning-rate=0.02")
_STEP_KILOBYTES = 700


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    log = tmp_path_factory.mktemp("my data") / "events.csv"
    write_sample(log, 4000)
    return log


@pytest.fixture(scope="module")
def finished(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> LocalRun:
    run = LocalRun(sample, tmp_path_factory.mktemp("shops") / "my shop")
    outcome = run.run(*OPTIONS)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "Blessed, compared with no earlier model" in outcome.stdout
    assert f"'--model_base_path={run.models}'" in outcome.stdout
    return run


def newest_page(run: LocalRun) -> str:
    return max((run.workdir / "reports").iterdir()).read_text()


@pytest.mark.slow
def test_another_spelling_of_log_and_folder_repeats_nothing(finished: LocalRun, tmp_path: Path):
    (tmp_path / "shop").symlink_to(finished.workdir)
    (tmp_path / "data").symlink_to(finished.log.parent)
    above_the_link = tmp_path / "shop" / ".."
    spelled = LocalRun(
        tmp_path / "data" / finished.log.name, above_the_link / finished.workdir.name
    )
    outcome = spelled.run(*OPTIONS, f"--serving-dir={tmp_path}/shop//models/")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert " done, " not in "".join(
        line for line in outcome.stdout.splitlines() if "Last" not in line and "Latest" not in line
    )
    assert len(finished.versions()) == 1


@pytest.mark.slow
def test_a_copy_is_refused_before_the_first_component_and_the_original_works(
    finished: LocalRun, tmp_path: Path
):
    shutil.copytree(finished.workdir, tmp_path / "copy")
    outcome = LocalRun(finished.log, tmp_path / "copy").run(*OPTIONS)
    assert outcome.returncode == 1
    assert f"{tmp_path / 'copy'}: is a copy of {finished.workdir}" in outcome.stderr
    assert "starts" not in outcome.stdout


@pytest.mark.slow
def test_a_moved_folder_works_as_before_with_a_link_at_its_old_place(
    finished: LocalRun, tmp_path: Path
):
    finished.workdir.rename(tmp_path / "moved")
    moved = LocalRun(finished.log, tmp_path / "moved")
    try:
        assert moved.run(*OPTIONS).returncode == 1
        finished.workdir.symlink_to(tmp_path / "moved")
        outcome = moved.run(*OPTIONS)
        assert outcome.returncode == 0, outcome.stdout + outcome.stderr
        assert "Trainer unchanged" in outcome.stdout
        assert len(moved.versions()) == 1
    finally:
        if finished.workdir.is_symlink():
            finished.workdir.unlink()
        (tmp_path / "moved").rename(finished.workdir)


@pytest.mark.slow
def test_without_the_blessed_model_nothing_is_trained_or_the_report_says_so(finished: LocalRun):
    blessed = finished.components()["Trainer"].outputs["model"][0].uri
    shutil.rmtree(blessed)
    outcome = finished.run(*OTHER_OPTIONS)
    assert outcome.returncode == 1
    assert f"Trainer's model, {blessed}: is gone" in outcome.stderr
    assert "starts" not in outcome.stdout and blessed in newest_page(finished)

    accepted = finished.run(*OTHER_OPTIONS, "--accept-missing")
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr
    assert f"Goes on without Trainer's model, {blessed}: is gone" in accepted.stdout
    assert f"Gone, and not compared with (--accept-missing): Trainer's model, {blessed}" in (
        accepted.stdout
    )
    assert "Blessed, compared with no earlier model" in accepted.stdout
    page = newest_page(finished)
    assert '<section id="gone">' in page and blessed in page
    assert "It was compared with no earlier model" in page
    assert "No model was blessed before" not in page


@pytest.mark.slow
def test_a_disk_that_is_full_at_any_component_is_told_and_the_run_goes_on(
    sample: Path, tmp_path: Path
):
    failures = []
    with small_disk(tmp_path / "disk", kilobytes=100_000) as disk:
        run = LocalRun(sample, disk / "shop")
        ballast = fill(disk)
        for _ in range(40):
            outcome = run.run(*OPTIONS)
            if outcome.returncode == 0:
                break
            assert outcome.returncode == 1, outcome.stdout + outcome.stderr
            assert "Traceback" not in outcome.stdout + outcome.stderr
            assert f"{disk}" in outcome.stderr, outcome.stderr
            assert "No space left on device; make room" in outcome.stderr, outcome.stderr
            failures.append(outcome.stderr.splitlines()[-1])
            os.truncate(ballast, ballast.stat().st_size - 1024 * _STEP_KILOBYTES)
        else:
            raise AssertionError(failures)
        for states in (s for name, s in run.executions().items() if name != "Resolver"):
            assert states.count("COMPLETE") == 1
        assert len(run.versions()) == 1
    assert len(failures) > 1
