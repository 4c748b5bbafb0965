"""A work folder serves one run at a time, and its log takes what would clutter the screen."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.runners.local.component_progress import ComponentProgress
from pipeline.runners.local.workdir import RunError, Workdir


def test_two_runs_at_a_time_are_refused_and_two_in_turn_are_not(tmp_path: Path):
    workdir = Workdir(tmp_path / "new")
    with (
        workdir.only_run(),
        pytest.raises(RunError, match="another run uses it"),
        workdir.only_run(),
    ):
        pass
    with workdir.only_run():
        pass


def test_the_lock_of_a_killed_run_is_gone(tmp_path: Path):
    code = (
        "import os, pathlib, sys; from pipeline.runners.local.workdir import Workdir\n"
        "with Workdir(pathlib.Path(sys.argv[1])).only_run(): os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)]).returncode == 9
    with Workdir(tmp_path).only_run():
        pass


def test_a_folder_knows_whether_its_metadata_are_shared(tmp_path: Path):
    workdir = Workdir(tmp_path)
    assert not workdir.has_shared_metadata()
    number = workdir.id()
    # Nothing is lost yet.
    assert not workdir.has_shared_metadata()
    Path(workdir.pipeline_root).mkdir()
    assert workdir.has_shared_metadata() and workdir.id() == number
    Path(workdir.metadata_file).touch()
    assert not workdir.has_shared_metadata() and workdir.has_own_metadata()


def test_native_code_and_loggers_write_to_the_log(tmp_path: Path, capfd: pytest.CaptureFixture):
    with Workdir(tmp_path).log() as path:
        os.write(2, b"from native code\n")
        logging.getLogger("absl").warning("from a logger")
    os.write(2, b"afterwards\n")
    text = path.read_text()
    assert "from native code" in text and "absl: from a logger" in text
    assert capfd.readouterr().err == "afterwards\n"


def test_components_are_shown_as_they_start_and_end(capsys: pytest.CaptureFixture):
    progress = ComponentProgress(Console())
    progress.components = 2
    logger = logging.getLogger("a logger of TFX")
    logger.setLevel(logging.INFO)
    logger.addHandler(progress)
    logger.info("Component %s is running.", "Trainer")
    assert progress.current == "Trainer"
    logger.info("Component %s is finished.", "Trainer")
    logger.info("Component %s is running.", "Pusher")
    logger.info("A cached execution %d is used.", 7)
    logger.info("Component %s is finished.", "Pusher")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "[ 1/2] Trainer starts"
    assert lines[1].startswith("[ 1/2] Trainer done, 0.")
    assert lines[3].startswith("[ 2/2] Pusher unchanged, kept from an earlier run, 0.")
    assert progress.current is None and list(progress.seconds) == ["Trainer", "Pusher"]
