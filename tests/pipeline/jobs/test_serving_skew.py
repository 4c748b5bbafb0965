"""Served histories against those of training: alike, skewed, unreadable."""

import json
from pathlib import Path

import pytest

from pipeline.serving_skew import main
from tests.pipeline.components.data_gate.days import day
from tests.pipeline.jobs.request_logs import prediction_log, write_log


def served(path: Path, histories: list) -> str:
    path.write_text("".join(json.dumps({"history": history}) + "\n" for history in histories))
    return f"--served={path}"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    day(tmp_path / "log", 1)
    return tmp_path / "log" / "log.csv"


def test_alike(log: Path, tmp_path: Path, capfd: pytest.CaptureFixture):
    lines = [line.split(",") for line in log.read_text().splitlines()[1:]]
    histories = [[item for user, item, _ in lines if user == f"user{n}"] for n in range(20)]
    assert main([f"--data={log}", served(tmp_path / "served.jsonl", histories)]) == 0
    assert "served.jsonl is like" in capfd.readouterr().out


def test_skewed(log: Path, tmp_path: Path, capfd: pytest.CaptureFixture):
    # A client that sends the ids of another catalogue, and one of them most of the time.
    others = [["sku-1", "sku-1", f"sku-{n}"] for n in range(20)]
    assert main([f"--data={log}", served(tmp_path / "served.jsonl", others)]) == 3
    high, other = capfd.readouterr().out.splitlines()
    assert "history: High Linfty distance between training and serving" in high
    assert "above the threshold 0.2. The feature value with maximum difference is: sku-1" in high
    assert "Jensen-Shannon divergence between training and serving is 1" in other


def test_what_a_server_has_logged(log: Path, tmp_path: Path, capfd: pytest.CaptureFixture):
    lines = [line.split(",") for line in log.read_text().splitlines()[1:]]
    histories = [[item for user, item, _ in lines if user == f"user{n}"] for n in range(20)]
    folder = tmp_path / "asked"
    for name, rows in (("a.tfrecord", histories[:10]), ("b.tfrecord", histories[10:])):
        file = write_log(folder / name, [prediction_log([row]) for row in rows])
    file.write_bytes(file.read_bytes()[:-1])  # the server is writing its last record
    assert main([f"--data={log}", f"--served={folder}"]) == 0
    note, alike = capfd.readouterr().out.splitlines()
    assert "b.tfrecord: the record after number 9 is incomplete" in note
    assert "asked is like" in alike
    # Named like an event log, but told by what it holds.
    others = write_log(tmp_path / "log.csv", [prediction_log([["sku-1"] * 5])] * 20)
    assert main([f"--data={log}", f"--served={others}"]) == 3
    assert "sku-1" in capfd.readouterr().out
    similar = prediction_log([["tea"]], signature="similar_items")
    del similar.predict_log.request.inputs["history"]
    nothing = write_log(tmp_path / "c.tfrecord", [similar])
    assert main([f"--data={log}", f"--served={nothing}"]) == 1
    assert "no request with a history was logged" in capfd.readouterr().err
    # A foreign file among them is the one that is named.
    (folder / "a.tfrecord").write_text("user_id,item_id,timestamp\n" * 9)
    assert main([f"--data={log}", f"--served={folder}"]) == 1
    assert "a.tfrecord: cannot be read after record 0" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"history": ["tea"]}\n{"history": "tea"}', "line 2: .*must be a list of strings"),
        ('{"history": ["tea", 7]}', "line 1: .*must be a list of strings"),
        ('{"items": ["tea"]}', "line 1: KeyError"),
        ('["tea"]', "line 1: TypeError"),
        ("tea", "line 1: JSONDecodeError"),
        ("", "contains no history"),
    ],
)
def test_a_line_that_is_no_history_is_named(log: Path, tmp_path: Path, capfd, line, message):
    (tmp_path / "served.jsonl").write_text(line)
    assert main([f"--data={log}", f"--served={tmp_path / 'served.jsonl'}"]) == 1
    error = capfd.readouterr().err
    place, _, reason = message.partition(": .*")
    assert f"served.jsonl, {place}" in error or f"served.jsonl: {place}" in error
    assert reason in error


def test_files_that_are_not_there(log: Path, tmp_path: Path, capfd: pytest.CaptureFixture):
    assert main([f"--data={log}", f"--served={tmp_path / 'none.jsonl'}"]) == 1
    assert "none.jsonl: cannot be read: " in capfd.readouterr().err
    (tmp_path / "folder.jsonl").mkdir()
    assert main([f"--data={log}", f"--served={tmp_path / 'folder.jsonl'}"]) == 1
    assert "folder.jsonl: is a folder" in capfd.readouterr().err
    wrong = [f"--data={log}", served(tmp_path / "served.jsonl", [["a"]]), "--schema=none.pbtxt"]
    assert main(wrong) == 1
    assert "none.pbtxt: cannot be read as a schema" in capfd.readouterr().err
