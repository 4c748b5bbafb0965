"""What a run finds of earlier ones where no metadata store can be asked."""

import json
from pathlib import Path

from tfx.types.artifact import Artifact
from tfx.types.standard_artifacts import Model, PushedModel

from pipeline.between_runs import KeepForNextRun, PreviousRun
from pipeline.data_gate.accepted_data import AcceptedData
from pipeline.trainer import KERAS_FILE


def artifact(kind: type[Artifact], folder: Path) -> Artifact:
    made = kind()
    made.uri = str(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return made


def files(folder: Path) -> dict[str, str]:
    """The content of the files of an artifact by their path."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def previous(models: Path, state: Path, found: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Runs the component; the files of its model and of its accepted data."""
    outputs = {
        "model": [artifact(Model, found / "model")],
        "accepted": [artifact(AcceptedData, found / "accepted")],
    }
    destination = json.dumps({"filesystem": {"base_directory": str(models)}})
    PreviousRun.EXECUTOR_SPEC.executor_class().Do(
        {}, outputs, {"push_destination": destination, "state_folder": str(state)}
    )
    return files(found / "model"), files(found / "accepted")


def keep(state: Path, run: Path, version: str | None) -> None:
    """Ends a run whose artifacts lie in a folder, and which pushed a version or none."""
    pushed = artifact(PushedModel, run / "pushed")
    pushed.set_int_custom_property("pushed", int(version is not None))
    if version is not None:
        pushed.set_string_custom_property("pushed_version", version)
    inputs = {
        "model": [artifact(Model, run / "model")],
        "accepted": [artifact(AcceptedData, run / "accepted")],
        "pushed_model": [pushed],
    }
    (run / "model" / KERAS_FILE).write_text(f"trained in {run.name}")
    (run / "accepted" / "spans.json").write_text(f"seen in {run.name}")
    KeepForNextRun.EXECUTOR_SPEC.executor_class().Do(inputs, {}, {"state_folder": str(state)})


def push(base_directory: Path, name: str, *names: str) -> None:
    for file in names:
        path = base_directory / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def test_the_newest_whole_version_is_the_model(tmp_path: Path):
    models = tmp_path / "models"
    push(models, "999", "saved_model.pb")
    push(models, "1000", "saved_model.pb", "variables/variables.index")
    push(models, "1001", "variables/variables.index")
    push(models, ".pushing-1002", "saved_model.pb")
    model, accepted = previous(models, tmp_path / "state", tmp_path / "found")
    assert model == {
        "Format-Serving/saved_model.pb": "1000",
        "Format-Serving/variables/variables.index": "1000",
    }
    assert accepted == {}


def test_before_the_first_run_there_is_nothing(tmp_path: Path):
    assert previous(tmp_path / "absent", tmp_path / "state", tmp_path / "found") == ({}, {})
    (tmp_path / "empty").mkdir()
    assert previous(tmp_path / "empty", tmp_path / "state", tmp_path / "found") == ({}, {})


def test_a_run_finds_what_the_last_ones_kept(tmp_path: Path):
    models, state = tmp_path / "models", tmp_path / "state"
    push(models, "1", "saved_model.pb")
    keep(state, tmp_path / "monday", "1")
    keep(state, tmp_path / "tuesday", None)  # refused
    model, accepted = previous(models, state, tmp_path / "wednesday")
    assert model == {"Format-Serving/saved_model.pb": "1", KERAS_FILE: "trained in monday"}
    assert accepted == {"spans.json": "seen in tuesday"}


def test_after_a_version_was_taken_back_the_one_before_counts(tmp_path: Path):
    models, state = tmp_path / "models", tmp_path / "state"
    push(models, "1", "saved_model.pb")
    keep(state, tmp_path / "monday", "1")
    keep(state, tmp_path / "tuesday", "2")  # somebody has removed it
    model, _ = previous(models, state, tmp_path / "wednesday")
    assert model == {"Format-Serving/saved_model.pb": "1", KERAS_FILE: "trained in monday"}


def test_artifacts_that_were_cleared_away_are_missed_by_nothing(tmp_path: Path):
    models, state = tmp_path / "models", tmp_path / "state"
    push(models, "1", "saved_model.pb")
    keep(state, tmp_path / "monday", "1")
    for path in ("model/model.keras", "accepted/spans.json"):
        (tmp_path / "monday" / path).unlink()
    (tmp_path / "monday" / "accepted").rmdir()
    model, accepted = previous(models, state, tmp_path / "tuesday")
    assert model == {"Format-Serving/saved_model.pb": "1"} and accepted == {}
