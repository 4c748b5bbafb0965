"""The demo ends well only if everything that recommends says the same."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from mclrec_tf.data.sample.sample_log import write_items, write_sample
from pipeline import demo, run_local
from pipeline.cli.command_line import parse
from pipeline.cli.interrupts import INTERRUPTED, STOPPED
from pipeline.demo import Answer, agree
from serving.client.item_names import read_item_names
from serving.item_names import FileAndColumn

PIPES: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}


def test_rounding_is_agreement():
    assert agree([Answer(["a", "b"], [2.0, 1.0]), Answer(["a", "b"], [2.00001, 1.0])])


@pytest.mark.parametrize(
    "other",
    [
        Answer(["b", "a"], [2.0, 1.0]),
        Answer(["a", "b"], [2.0, 1.1]),
        Answer(["a"], [2.0]),
    ],
)
def test_other_items_or_scores_are_not(other: Answer):
    assert not agree([Answer(["a", "b"], [2.0, 1.0]), other])


@pytest.mark.slow
def test_the_demo_runs(tmp_path: Path, capsys: pytest.CaptureFixture):
    assert demo.main([f"--workdir={tmp_path}", "--events=20000"]) == 0
    output = capsys.readouterr().out
    assert "REST, gRPC and model.predict agree." in output
    items = tmp_path / "sample-20000-items.csv"
    names = read_item_names(FileAndColumn(str(items), "title"), "item_id")
    history = re.findall(r"([\w ]+) \((c[\d-]+)\)", output.split("A user's last items: ")[1])
    assert history and all(names[item] == name.strip() for name, item in history)
    answers = re.findall(r"^ *\d *(c[\d-]+) *(\D+ \d+) ", output, re.MULTILINE)
    assert len(answers) == 5 and all(names[item] == name for item, name in answers)
    (page,) = (tmp_path / "reports").iterdir()
    assert f"Names are from {items}:title: " in page.read_text()


def wait_for(process: subprocess.Popen, line: str) -> None:
    assert process.stdout is not None
    while line not in (said := process.stdout.readline()):
        assert said, process.communicate()


def end(process: subprocess.Popen, number: int) -> tuple[int, str]:
    """Ends it by a signal; returns its status and what it has told of that."""
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    return process.returncode, errors


@pytest.mark.integration  # it writes a sample
@pytest.mark.usefixtures("heard_interrupts")
def test_an_interrupt_while_the_sample_is_written_ends_in_a_sentence(tmp_path: Path):
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.demo", f"--workdir={tmp_path}", "--events=20000000"],
        **PIPES,
    )
    wait_for(process, "Writing a sample")
    while not list(tmp_path.glob("sample*")):
        assert process.poll() is None
        time.sleep(0.05)
    assert end(process, signal.SIGINT) == (INTERRUPTED, f"{STOPPED}\n")


# Nothing is asked of the server before the signal, so the training is left out: it takes minutes.
_TRAINED = """
import sys
from pipeline import demo, run_local
from serving.tensorflow_log import load_tensorflow_quietly
load_tensorflow_quietly()
run_local.main = lambda arguments: 0
sys.exit(demo.main(sys.argv[1:]))
"""


@pytest.mark.integration  # it starts servers
@pytest.mark.usefixtures("heard_interrupts")
@pytest.mark.parametrize(
    ("number", "told"),
    [
        (signal.SIGINT, (INTERRUPTED, f"{STOPPED}\n")),
        (signal.SIGTERM, (128 + signal.SIGTERM, "")),
    ],
)
def test_a_signal_ends_the_server_too(tmp_path: Path, number: int, told: tuple[int, str]):
    write_sample(tmp_path / "sample-4000.csv", 4000)
    process = subprocess.Popen(
        [sys.executable, "-c", _TRAINED, f"--workdir={tmp_path}", "--events=4000"],
        **PIPES,
    )
    wait_for(process, "Starting the server")
    while not (servers := psutil.Process(process.pid).children()):
        assert process.poll() is None
        time.sleep(0.05)
    assert end(process, number) == told
    assert psutil.wait_procs(servers, timeout=1)[1] == []


def test_artifacts_that_are_gone_may_be_accepted_here_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("sample-50000.csv", "sample-50000-items.csv"):
        (tmp_path / name).touch()
    given = []
    monkeypatch.setattr(run_local, "main", lambda arguments: given.append(arguments) or 3)
    assert demo.main([f"--workdir={tmp_path}", "--accept-missing"]) == 3
    assert demo.main([f"--workdir={tmp_path}"]) == 3
    assert ["--accept-missing" in arguments for arguments in given] == [True, False]
    for arguments in given:
        parse(run_local.parser(), arguments)


def test_the_names_are_added_to_a_sample_of_an_earlier_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "sample-2000.csv").write_text("a log that stays")
    monkeypatch.setattr(run_local, "main", lambda arguments: 3)
    assert demo.main([f"--workdir={tmp_path}", "--events=2000"]) == 3
    assert (tmp_path / "sample-2000.csv").read_text() == "a log that stays"
    write_items(tmp_path / "expected.csv", 2000)
    written = (tmp_path / "sample-2000-items.csv").read_bytes()
    assert written == (tmp_path / "expected.csv").read_bytes()
