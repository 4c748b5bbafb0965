"""What a run finds of earlier ones where no metadata store can be asked."""

import json
import re
import shutil
from pathlib import Path

import pytest
from tfx.types.artifact import Artifact
from tfx.types.standard_artifacts import Model, PushedModel

from mclrec_tf.export.checksums import write_checksums
from pipeline.components.between_runs.component import (
    GONE,
    KeepForNextRun,
    MissingArtifact,
    PreviousRun,
)
from pipeline.components.data_gate.accepted_data import AcceptedData
from pipeline.components.evaluator.component import EvaluatorExecutor, stands_for_none
from pipeline.components.trainer.run_fn import KERAS_FILE


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


def previous(
    models: Path, state: Path, found: Path, **options: int
) -> tuple[dict[str, str], dict[str, str]]:
    """Runs the component; the files of its model and of its accepted data."""
    run_component(models, state, found, **options)
    return files(found / "model"), files(found / "accepted")


def run_component(models: Path, state: Path, found: Path, **options: int) -> Artifact:
    """Runs the component; its model."""
    outputs = {
        "model": [artifact(Model, found / "model")],
        "accepted": [artifact(AcceptedData, found / "accepted")],
    }
    destination = json.dumps({"filesystem": {"base_directory": str(models)}})
    properties = {"push_destination": destination, "state_folder": str(state), **options}
    PreviousRun.EXECUTOR_SPEC.executor_class().Do({}, outputs, properties)
    return outputs["model"][0]


def keep(state: Path, run: Path, version: str | None, **properties: int) -> None:
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
    KeepForNextRun.EXECUTOR_SPEC.executor_class().Do(
        inputs, {}, {"state_folder": str(state), **properties}
    )


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


@pytest.fixture
def refitted(tmp_path: Path) -> tuple[Path, Path]:
    """Folders of models and of states after a run whose version went on over every event."""
    models, state = tmp_path / "models", tmp_path / "state"
    push(models, "1", "saved_model.pb", "of_the_pushed")
    push(tmp_path / "monday" / "model", "Format-Serving", "saved_model.pb", "of_the_evaluated")
    keep(state, tmp_path / "monday", "1", is_refitted=1)
    return models, state


def test_a_version_that_saw_every_event_is_not_what_later_models_are_compared_with(
    tmp_path: Path, refitted: tuple[Path, Path]
):
    model, _ = previous(*refitted, tmp_path / "tuesday")
    assert model == {
        "Format-Serving/saved_model.pb": "Format-Serving",
        "Format-Serving/of_the_evaluated": "Format-Serving",
        KERAS_FILE: "trained in monday",
    }


def test_without_the_model_that_was_evaluated_it_is_not_compared_with(
    tmp_path: Path, refitted: tuple[Path, Path]
):
    shutil.rmtree(tmp_path / "monday" / "model" / "Format-Serving")
    with pytest.raises(MissingArtifact, match="evaluated before .*models/1 went on .* is gone"):
        previous(*refitted, tmp_path / "tuesday")
    assert stands_for_none(run_component(*refitted, tmp_path / "wednesday", accept_missing=1))
    push(refitted[0], "2", "saved_model.pb")  # which saw no more than it was told
    keep(refitted[1], tmp_path / "thursday", "2")
    assert previous(*refitted, tmp_path / "friday")[0]["Format-Serving/saved_model.pb"] == "2"


@pytest.fixture
def monday(tmp_path: Path) -> tuple[Path, Path]:
    """Folders of models and of states after a run that pushed."""
    models, state = tmp_path / "models", tmp_path / "state"
    push(models, "1", "saved_model.pb", "assets/items")
    write_checksums(str(models / "1"))
    keep(state, tmp_path / "monday", "1")
    return models, state


def lose_data(folder: Path) -> str:
    shutil.rmtree(folder / "monday" / "accepted")
    return "the data that were accepted last: .*monday/accepted is gone or empty"


def empty_data(folder: Path) -> str:
    (folder / "monday" / "accepted" / "spans.json").unlink()
    return "the data that were accepted last: .*monday/accepted is gone or empty"


def lose_all_versions(folder: Path) -> str:
    shutil.rmtree(folder / "models")
    return r"the pushed versions \(1\): .*models holds none of them"


def damage_version(folder: Path) -> str:
    (folder / "models" / "1" / "assets" / "items").write_text("")
    return "models/1: assets/items does not have the checksum"


def lose_pointer(folder: Path) -> str:
    (folder / "state" / "accepted_data").write_text("")
    return "the data that were accepted last: an empty path is gone"


@pytest.mark.parametrize(
    "lose", [lose_data, empty_data, lose_all_versions, damage_version, lose_pointer]
)
def test_what_is_named_and_is_gone_stops_the_run(tmp_path: Path, monday, lose):
    what = lose(tmp_path)
    with pytest.raises(MissingArtifact, match=f"{what}(.|\n)*--accept-missing"):
        previous(*monday, tmp_path / "tuesday")


@pytest.mark.parametrize(
    "lose", [lose_data, empty_data, lose_all_versions, damage_version, lose_pointer]
)
def test_a_run_goes_on_without_it_if_told_to_and_says_so(tmp_path: Path, monday, lose):
    what = lose(tmp_path)
    model = run_component(*monday, tmp_path / "tuesday", accept_missing=1)
    assert re.search(what, model.get_string_custom_property(GONE))
    lost_model = lose in (lose_all_versions, damage_version)
    assert stands_for_none(model) == lost_model
    assert bool(files(tmp_path / "tuesday" / "model")) != lost_model
    assert bool(files(tmp_path / "tuesday" / "accepted")) == lost_model


@pytest.mark.parametrize("pointer", [True, False])
def test_a_training_that_goes_on_from_a_model_needs_its_keras_file(
    tmp_path: Path, monday, pointer: bool
):
    (tmp_path / "monday" / "model" / KERAS_FILE).unlink()
    if not pointer:
        (tmp_path / "state" / "model_of_version_1").unlink()
    # From scratch it is not missed.
    assert KERAS_FILE not in previous(*monday, tmp_path / "tuesday")[0]
    with pytest.raises(
        MissingArtifact, match="the Keras file of .*models/1, to begin training with"
    ):
        previous(*monday, tmp_path / "wednesday", trains_on=1)
    model = run_component(*monday, tmp_path / "thursday", trains_on=1, accept_missing=1)
    assert not stands_for_none(model)


def test_the_first_run_has_nothing_to_miss(tmp_path: Path):
    model = run_component(tmp_path / "models", tmp_path / "state", tmp_path / "run", trains_on=1)
    assert stands_for_none(model) and not model.get_string_custom_property(GONE)


def test_a_model_that_is_gone_is_not_taken_for_none_by_the_evaluator(tmp_path: Path):
    gone = artifact(Model, tmp_path / "gone")
    with pytest.raises(
        FileNotFoundError, match=f"{tmp_path}/gone: the model to compare with is gone"
    ):
        EvaluatorExecutor().Do({"baseline_model": [gone]}, {}, {})
