"""A compiled spec, run by TFX's container entry point with the image's files, to a served model."""

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tensorflow_model_analysis as tfma
from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec

from mclrec_tf.data.sample.sample_log import write_items, write_sample
from pipeline import run_kubeflow
from pipeline.components.blessing.component import read_decision
from pipeline.demo import recommend
from pipeline.local_server import local_server, server_command
from pipeline.runners.kubeflow.spec import read_spec
from pipeline.runners.kubeflow.task_runner import TaskError, TaskRunner, task_order
from tests.pipeline.runners.kubeflow import image
from tests.pipeline.runners.kubeflow.warm_python import WarmPython

pytestmark = pytest.mark.integration

# Without the views, which take longest to trace.
SMALL_MODEL = ("--dim=8", "--num-layers=1", "--epochs=1", "--beta=0", "--min-lift=0")
# No bucket is there: what is read and written is named by the parameters alone.
URIS = ("--pipeline-root=gs://absent/root", "--serving-dir=gs://absent/models", "--image=absent")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cluster")


@pytest.fixture(scope="module")
def spec(folder: Path) -> PipelineSpec:
    path = folder / "mclrec.yaml"
    data = "--data=gs://absent/span-{SPAN}/*.csv"
    table = (f"--items={folder}/items.csv", f"--item-names={folder}/items.csv:title")
    assert run_kubeflow.main([data, *table, *URIS, *SMALL_MODEL, f"--output={path}"]) == 0
    return read_spec(path)


@pytest.fixture(scope="module")
def parameters(folder: Path, spec: PipelineSpec) -> dict[str, str]:
    for span, events in ((1, 1000), (2, 2500)):
        (folder / f"span-{span}").mkdir()
        write_sample(folder / f"span-{span}" / "events.csv", events)
    write_items(folder / "items.csv", 2500)
    trainer = default_of(spec, "trainer_config") | {"backup_directory": str(folder / "backup")}
    return {
        "data_folder": str(folder),
        "push_destination": json.dumps(
            {"filesystem": {"base_directory": str(folder / "models" / "mclrec")}}
        ),
        "state_folder": str(folder / "state"),
        "trainer_config": json.dumps(trainer),
    }


@pytest.fixture(scope="module")
def image_root(folder: Path) -> Path:
    image.make_root(folder / "image")
    return folder / "image"


@pytest.fixture(scope="module")
def warm_python(image_root: Path) -> Iterator[WarmPython]:
    python = WarmPython(image_root)
    yield python
    python.close()


@pytest.fixture(scope="module")
def finished(warm_python: WarmPython, spec, parameters, folder: Path) -> TaskRunner:
    run = TaskRunner(spec, folder / "store" / "first", parameters, warm_python)
    assert [task for task, _ in run.run()] == task_order(spec)
    return run


def output(run: TaskRunner, task: str, key: str):
    (artifact,) = run.outputs[task].artifacts[key].artifacts
    return artifact


def test_a_model_is_pushed_whole(finished: TaskRunner, folder: Path):
    (version,) = (folder / "models" / "mclrec").iterdir()
    pushed = output(finished, "Pusher", "pushed_model").metadata
    assert pushed["pushed"] == 1
    assert pushed["pushed_destination"] == str(version)
    exported = Path(output(finished, "Trainer", "model").uri, "Format-Serving")
    files = {path.relative_to(exported) for path in exported.rglob("*")}
    assert files == {path.relative_to(version) for path in version.rglob("*")}


def test_items_of_the_table_without_events_are_in_the_model(finished: TaskRunner, folder: Path):
    with open(folder / "items.csv", newline="") as file:
        everything = {row["item_id"] for row in csv.DictReader(file)}
    exported = Path(output(finished, "Trainer", "model").uri, "Format-Serving")
    catalogue = (exported / "assets" / "items").read_text().splitlines()
    assert {*catalogue} >= everything and len({*catalogue}) == len(catalogue)
    page = Path(output(finished, "RunPage", "page").uri, "run.html").read_text()
    assert "items with events and" in page


def test_the_spans_of_the_folder_were_read(finished: TaskRunner):
    examples = Path(output(finished, "FileBasedExampleGen", "examples").uri)
    report = json.loads((examples / "event_log_report.json").read_text())
    assert report["rows"] == 3500
    assert [span["number"] for span in report["spans"]] == [1, 2]


def test_the_tasks_find_the_code_in_the_image(
    warm_python: WarmPython, image_root: Path, tmp_path: Path
):
    packages = "import mclrec_tf, pipeline, serving\n"
    (image_root / "where.py").write_text(
        packages + "print(*(p.__path__[0] for p in (mclrec_tf, pipeline, serving)), sep='\\n')"
    )
    assert warm_python(["python", "-m", "where"], tmp_path / "log") == 0
    found = {Path(line).parent for line in (tmp_path / "log").read_text().splitlines()}
    assert found == {image_root}


def test_a_first_model_is_compared_with_none(finished: TaskRunner):
    for key in ("model", "accepted"):
        assert list(Path(output(finished, "PreviousRun", key).uri).iterdir()) == []
    blessing = output(finished, "Blessing", "blessing")
    assert blessing.metadata["blessed"] == 1
    lines = [criterion.requirement for criterion in read_decision(blessing.uri).criteria]
    assert lines and not any("latest blessed" in line for line in lines)


def test_a_page_tells_the_run(finished: TaskRunner, folder: Path):
    (version,) = (folder / "models" / "mclrec").iterdir()
    page = Path(output(finished, "RunPage", "page").uri, "run.html").read_text()
    assert "Blessed and pushed" in page and str(version) in page
    assert f"<h1>{folder}</h1>" in page and "No model was blessed before" in page
    for section in ("decision", "data", "training", "evaluation", "recommendations"):
        assert f'<section id="{section}">' in page
    assert f"Names are from {folder}/items.csv:title" in page and "<bdi title=" in page
    # When it is written, the run is not over.
    assert '<section id="timings">' not in page


def test_the_next_data_are_compared_with_those_of_the_last_run(
    finished: TaskRunner, warm_python: WarmPython, spec, parameters, folder: Path
):
    with open(folder / "span-2" / "events.csv", newline="") as log:
        rows = list(csv.DictReader(log))
    (folder / "span-3").mkdir()
    with open(folder / "span-3" / "events.csv", "w", newline="") as log:
        writer = csv.DictWriter(log, list(rows[0]))
        writer.writeheader()
        writer.writerows(row | {"item_id": "None"} for row in rows)
    run = TaskRunner(spec, folder / "store" / "drifted", parameters, warm_python)
    with pytest.raises(TaskError, match="DataGate: ended with status 1") as told:
        list(run.run())
    shutil.rmtree(folder / "span-3")
    assert "history: High Linfty distance" in str(told.value)
    assert "Trainer" not in run.outputs


def test_the_pushed_model_is_served(finished: TaskRunner, folder: Path):
    with open(folder / "span-2" / "events.csv", newline="") as log:
        history = [row["item_id"] for row in csv.DictReader(log)][:5]
    with local_server(server_command(folder / "models" / "mclrec")) as server:
        answer = recommend(server.grpc, "grpc", history)
    assert len(set(answer.item_ids)) == 5
    assert answer.scores == sorted(answer.scores, reverse=True)


def test_a_failed_task_is_told_and_ends_the_run(
    spec, parameters, folder: Path, warm_python: WarmPython
):
    absent = parameters | {"data_folder": str(folder / "absent")}
    run = TaskRunner(spec, folder / "store" / "failed", absent, warm_python)
    with pytest.raises(TaskError, match="FileBasedExampleGen: ended with status 1") as told:
        list(run.run())
    assert "Cannot find matching for split log" in str(told.value)
    assert "StatisticsGen" not in run.outputs


def test_a_parameter_that_the_spec_lacks_is_named(spec: PipelineSpec, tmp_path: Path):
    with pytest.raises(ValueError, match=r"no parameter epochs\. It has data_folder"):
        TaskRunner(spec, tmp_path / "run", {"epochs": "3"})
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_second_run_goes_on_from_the_first(
    finished: TaskRunner, parameters, folder: Path, image_root: Path
):
    """As the command line does it: a cold process for each task, here with a search as well."""
    (pushed,) = (folder / "models" / "mclrec").iterdir()
    path, space = folder / "second.yaml", folder / "space.json"
    space.write_text(json.dumps({"dropout": [0.1, 0.4]}))
    data = "--data=gs://absent/span-{SPAN}/*.csv"
    more = ("--max-drop=0", "--start-from=blessed", "--trials=1", f"--search-space={space}")
    assert run_kubeflow.main([data, *URIS, *SMALL_MODEL, *more, f"--output={path}"]) == 0
    spec = read_spec(path)
    backup = {"backup_directory": str(folder / "backup")}
    trainer = default_of(spec, "trainer_config") | backup
    trainer["training"]["seed"] = 1
    tuner = default_of(spec, "tuner_config") | backup
    chosen = parameters | {
        "trainer_config": json.dumps(trainer),
        "tuner_config": json.dumps(tuner),
    }
    process = subprocess.run(
        [
            *(sys.executable, "-m", "pipeline.runners.kubeflow.try_spec", str(path)),
            f"--store={folder / 'store'}",
            *(f"--parameter={name}={value}" for name, value in chosen.items()),
        ],
        cwd=image_root,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    (store,) = (run for run in (folder / "store").iterdir() if run.name.startswith("20"))
    previous = store / "PreviousRun" / "model"
    log = (store / "Trainer" / "log").read_text()
    assert f"goes on from {previous / 'Format-Serving'}" in log
    found = (store / "Tuner" / "best_hyperparameters" / "best_hyperparameters.txt").read_text()
    assert json.loads(found)["values"]["dropout"] in (0.1, 0.4)
    compare(store, pushed)
    page = (store / "RunPage" / "page" / "run.html").read_text()
    assert f"The latest blessed model: {previous}" in page


def default_of(spec: PipelineSpec, parameter: str) -> dict[str, Any]:
    definition = spec.root.input_definitions.parameters[parameter]
    return json.loads(definition.default_value.string_value)


def compare(store: Path, pushed: Path) -> None:
    """The run in `store` measured the pushed model beside its own, and pushed that if blessed."""
    baseline = store / "PreviousRun" / "model" / "Format-Serving"
    assert (baseline / "saved_model.pb").read_bytes() == (pushed / "saved_model.pb").read_bytes()
    evaluation = str(store / "Evaluator" / "evaluation")
    for name in (tfma.CANDIDATE_KEY, tfma.BASELINE_KEY):
        assert tfma.load_eval_result(evaluation, model_name=name).get_metrics_for_slice()
    outcome = json.loads((store / "Pusher" / "executor_output.json").read_text())
    metadata = outcome["artifacts"]["pushed_model"]["artifacts"][0]["metadata"]
    assert metadata["pushed"] == read_decision(str(store / "Blessing" / "blessing")).blessed
