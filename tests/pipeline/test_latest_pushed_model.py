"""The newest whole version of a folder of served models is what a new model is compared with."""

import json
from pathlib import Path

from tfx.types.standard_artifacts import Model

from pipeline.latest_pushed_model import LatestPushedModel


def copied(base_directory: Path, artifact: Path) -> dict[str, str]:
    """Runs the component; the files of its output by their path."""
    model = Model()
    model.uri = str(artifact)
    artifact.mkdir()
    destination = json.dumps({"filesystem": {"base_directory": str(base_directory)}})
    executor = LatestPushedModel.EXECUTOR_SPEC.executor_class()
    executor.Do({}, {"model": [model]}, {"push_destination": destination})
    return {
        str(path.relative_to(artifact)): path.read_text()
        for path in artifact.rglob("*")
        if path.is_file()
    }


def push(base_directory: Path, name: str, *files: str) -> None:
    for file in files:
        path = base_directory / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def test_the_newest_whole_version(tmp_path: Path):
    models = tmp_path / "models"
    push(models, "999", "saved_model.pb")
    push(models, "1000", "saved_model.pb", "variables/variables.index")
    push(models, "1001", "variables/variables.index")
    push(models, ".pushing-1002", "saved_model.pb")
    assert copied(models, tmp_path / "model") == {
        "Format-Serving/saved_model.pb": "1000",
        "Format-Serving/variables/variables.index": "1000",
    }


def test_before_the_first_push_there_is_none(tmp_path: Path):
    assert copied(tmp_path / "absent", tmp_path / "model") == {}
    (tmp_path / "empty").mkdir()
    assert copied(tmp_path / "empty", tmp_path / "other") == {}
