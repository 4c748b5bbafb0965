"""How long reading takes: every format holds the same rows, and the page says how they compare."""

import json
from pathlib import Path

import pytest

from benchmarks import reading
from mclrec_tf.data.interactions import load_interactions


def test_every_format_holds_the_same_log(tmp_path: Path):
    logs = reading.write_logs(tmp_path, rows=1000)
    found = {name: load_interactions(path, k_core=0) for name, path in logs.items()}
    plain = found["CSV"]
    assert reading.read_by_rows(logs["CSV"]) == plain.report.rows == 1000
    for name, interactions in found.items():
        assert interactions.user_ids == plain.user_ids, name
        assert interactions.item_ids == plain.item_ids, name
        assert (interactions.histories.items == plain.histories.items).all(), name


def test_the_command_writes_what_it_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    arguments = ["--rows=1000", "--repeats=1", f"--folder={tmp_path}", "--out=found", "--json"]
    assert reading.main(arguments) is None
    written = json.loads(Path("found.json").read_text())
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == written
    assert written["rows"] == 1000
    first, *others = written["formats"]
    assert (first["format"], first["of_baseline"]) == (reading.BASELINE, 1)
    assert {row["format"] for row in others} >= {"CSV", "JSON lines", "Parquet"}
    for row in written["formats"]:
        assert row["seconds"] > 0 and row["bytes"] > 1000
    assert [path.name for path in tmp_path.iterdir()] == ["found.json"]
