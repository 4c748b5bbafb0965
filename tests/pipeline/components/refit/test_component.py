"""Which model the component gives to the Pusher, and what it tells."""

import dataclasses
from pathlib import Path

import keras
import pytest
from tfx.types.artifact import Artifact
from tfx.types.standard_artifacts import Examples, Model, ModelBlessing, ModelRun, TransformGraph

from mclrec_tf.export.saved_model import export_savedmodel
from pipeline.components.example_gen.histories.user_history import UserHistory
from pipeline.components.example_gen.splits.leave_one_out import LeaveOneOut
from pipeline.components.refit.component import Refit
from pipeline.components.refit.every_event import read_every_event
from pipeline.components.refit.report import IN_ITS_PLACE, RefitReport, read_refit_report
from pipeline.components.trainer.fit import model_of
from pipeline.components.trainer.outcome import Outcome, write_outcome
from pipeline.components.trainer.run_fn import KERAS_FILE
from pipeline.settings import ModelSettings, ReleaseSettings, TrainingSettings, to_json
from tests.pipeline.components.refit.test_every_event import write_examples

pytestmark = pytest.mark.integration

ITEMS = [f"item {number}" for number in range(40)]
USERS = [
    UserHistory(
        f"user {user}".encode(),
        [ITEMS[(7 * user + step) % 40] for step in range(5 + user % 3)],  # type: ignore[misc]
        list(range(5 + user % 3)),
    )
    for user in range(30)
]
OUTCOME = Outcome(
    ModelSettings(dim=8, num_layers=1, max_length=10, members=1),
    TrainingSettings(batch_size=64),
    best_epoch=5,
)


def artifact(kind: type[Artifact], folder: Path) -> Artifact:
    made = kind()
    made.uri = str(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return made


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the Examples, and the model as the Trainer writes it."""
    folder = tmp_path_factory.mktemp("evaluated")
    examples = write_examples(folder / "examples", LeaveOneOut(), USERS)
    every = read_every_event(examples, ITEMS)
    keras.utils.set_random_seed(0)
    model = model_of(len(ITEMS), OUTCOME.model, OUTCOME.training, every.histories)
    (folder / "model").mkdir()
    model.save(folder / "model" / KERAS_FILE)
    export_savedmodel(model, str(folder / "model" / "Format-Serving"), every.items)
    return folder


def run(
    evaluated: Path,
    folder: Path,
    outcome: Outcome | None = OUTCOME,
    blessed: int = 1,
    **settings: float,
) -> Model:
    """Runs the component; its output."""
    model_run = artifact(ModelRun, folder / "model_run")
    if outcome is not None:
        write_outcome(model_run.uri, outcome)
    blessing = artifact(ModelBlessing, folder / "blessing")
    blessing.set_int_custom_property("blessed", blessed)
    inputs = {
        "examples": [artifact(Examples, evaluated / "examples")],
        "transform_graph": [artifact(TransformGraph, folder / "transform_graph")],
        "evaluated_model": [artifact(Model, evaluated / "model")],
        "model_run": [model_run],
        "blessing": [blessing],
    }
    outputs = {"model": [artifact(Model, folder / "refitted")]}
    properties = {
        "settings": to_json(ReleaseSettings(refit=True, **settings)),
        "backup_directory": str(folder / "backup"),
    }
    Refit.EXECUTOR_SPEC.executor_class().Do(inputs, outputs, properties)
    return outputs["model"][0]


def report_of(model: Model) -> RefitReport:
    report = read_refit_report(model.uri)
    assert report is not None
    return report


def test_a_model_that_saw_every_event_is_there_as_the_trainer_writes_it(
    evaluated: Path, tmp_path: Path
) -> None:
    model = run(evaluated, tmp_path, min_agreement=0.0)
    report = report_of(model)
    assert report.refitted and report.epochs == 1
    assert (report.users, report.held_out) == (30, 60)
    assert report.events == sum(len(user.items) for user in USERS)
    assert model.get_string_custom_property(IN_ITS_PLACE) == ""
    assert (Path(model.uri) / "Format-Serving" / "saved_model.pb").exists()
    assert keras.models.load_model(Path(model.uri) / KERAS_FILE).num_items == len(ITEMS)
    assert not list((tmp_path / "backup").iterdir())


@pytest.mark.parametrize(
    ("learning_rate", "settings", "why"),
    [
        (4e-3, {"min_agreement": 1.0}, "The 10 best items agree with those of the evaluated model"),
        (1e30, {}, "Its training came to nothing: "),
    ],
)
def test_otherwise_the_evaluated_model_goes_out(
    evaluated: Path, tmp_path: Path, learning_rate: float, settings: dict[str, float], why: str
) -> None:
    training = dataclasses.replace(OUTCOME.training, learning_rate=learning_rate)
    # Ten epochs, so that it is another model by then.
    outcome = dataclasses.replace(OUTCOME, training=training, best_epoch=50)
    model = run(evaluated, tmp_path, outcome, **settings)
    report = report_of(model)
    assert not report.refitted and report.refusals[0].startswith(why)
    assert "The evaluated model goes out." in report.in_words()
    assert model.get_string_custom_property(IN_ITS_PLACE) == str(evaluated / "model")
    assert [file.name for file in Path(model.uri).iterdir()] == ["refit.json"]


def test_a_model_that_was_refused_is_left_alone(evaluated: Path, tmp_path: Path) -> None:
    model = run(evaluated, tmp_path, blessed=0)
    assert not list(Path(model.uri).iterdir()) and read_refit_report(model.uri) is None


def test_a_training_of_an_earlier_version_is_named(evaluated: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="an earlier version has trained it. Run with"):
        run(evaluated, tmp_path, outcome=None)
