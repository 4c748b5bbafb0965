"""Data sets that people have, from the command that `pipeline.inspect` prints to a pushed model."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from pipeline import run_local
from pipeline.inspect import main as inspect
from pipeline.jobs.inspect.inspection import inspect_log
from tests.pipeline.jobs.inspect.layouts import LAYOUTS
from tests.pipeline.local_run import SMALL_MODEL

PAGE = (Path(__file__).parents[4] / "docs" / "your-log.md").read_text()
# A model of made-up events learns nothing; here it only has to be made and pushed.
OPTIONS = (*SMALL_MODEL, "--epochs=1", "--min-lift=0")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_page_has_the_command(layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    log = LAYOUTS[layout](tmp_path)
    monkeypatch.chdir(tmp_path)
    command = inspect_log(log.name).command
    assert command
    name, options = layout.split(",")[0], shlex.join(command[2:])
    rows = re.findall(
        rf"^\| {name} \| `python -m pipeline.run_local --data (\S+) (.+)` \|$", PAGE, re.M
    )
    assert [found for _, found in rows] == [options]


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_from_a_look_to_a_pushed_model(
    layout: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    log = LAYOUTS[layout](tmp_path)
    monkeypatch.chdir(tmp_path)
    assert inspect([log.name]) == 0
    command = shlex.split(capsys.readouterr().out.rstrip().splitlines()[-1])
    assert command[:3] == [sys.executable, "-m", "pipeline.run_local"]
    assert run_local.main([*command[3:], *OPTIONS]) == 0
    assert "Pushed to " in capsys.readouterr().out
    workdir = tmp_path / command[command.index("--workdir") + 1]
    assert [*workdir.glob("models/*/*/saved_model.pb")]
