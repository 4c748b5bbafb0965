"""The compiled spec is one that Kubeflow Pipelines takes, and depends on no machine's files."""

import json
from pathlib import Path

import pytest
import yaml
from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform
from google.protobuf import json_format
from kfp import components
from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec

from pipeline import run_kubeflow
from pipeline.components.data_gate.schema_text import BUILT_IN
from pipeline.runners.kubeflow.spec import deployment_config, read_spec
from pipeline.runners.kubeflow.task_runner import task_order
from tests.pipeline.runners.kubeflow.image import CHECKOUT

OPTIONS = (
    "--data=gs://shop/events/span-{SPAN}/*.csv",
    "--pipeline-root=gs://shop/artifacts",
    "--serving-dir=gs://shop/models",
    "--image=shop/mclrec:7",
    "--epochs=3",
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spec") / "new folder" / "mclrec.yaml"
    assert run_kubeflow.main([*OPTIONS, f"--output={path}"]) == 0
    return path


@pytest.fixture(scope="module")
def spec(path: Path) -> PipelineSpec:
    return read_spec(path)


def test_kfp_itself_reads_it(path: Path):
    loaded = components.load_component_from_file(str(path))
    assert loaded.pipeline_spec.schema_version == "2.1.0"
    assert set(loaded.component_spec.inputs) == {
        "data_folder",
        "push_destination",
        "state_folder",
        "trainer_config",
    }


def test_vertex_ais_own_client_reads_it(path: Path):
    job = aiplatform.PipelineJob(
        display_name="mclrec",
        template_path=str(path),
        parameter_values={"data_folder": "gs://shop/other"},
        project="shop",
        location="europe-west1",
        credentials=AnonymousCredentials(),
    )
    config = job.to_dict()["runtimeConfig"]
    assert config["parameterValues"] == {"data_folder": "gs://shop/other"}
    assert config["gcsOutputDirectory"] == "gs://shop/artifacts"


def test_every_task_has_a_component_a_container_and_its_inputs(spec: PipelineSpec):
    executors = deployment_config(spec).executors
    order = task_order(spec)
    assert {"FileBasedExampleGen", "Trainer", "ExportCheck", "Evaluator", "Pusher"} <= set(order)
    for name in order:
        task = spec.root.dag.tasks[name]
        component = spec.components[task.component_ref.name]
        container = executors[component.executor_label].container
        assert container.image == "shop/mclrec:7"
        assert container.command == ["python", "-m", "pipeline.runners.kubeflow.container"]
        assert set(task.inputs.parameters) == set(component.input_definitions.parameters)
        assert set(task.inputs.artifacts) == set(component.input_definitions.artifacts)
        for artifact in task.inputs.artifacts.values():
            producer = artifact.task_output_artifact
            made_by = spec.components[
                spec.root.dag.tasks[producer.producer_task].component_ref.name
            ]
            assert producer.output_artifact_key in made_by.output_definitions.artifacts
            assert producer.producer_task in task.dependent_tasks
        for source in task.inputs.parameters.values():
            if source.component_input_parameter:
                assert source.component_input_parameter in spec.root.input_definitions.parameters


def test_nothing_is_learned_from_data_that_the_gate_has_not_seen(spec: PipelineSpec):
    assert "DataGate" in spec.root.dag.tasks["Transform"].dependent_tasks


def test_no_file_of_the_machine_that_compiled_is_needed(path: Path):
    text = path.read_text()
    assert str(CHECKOUT) not in text and str(path.parent) not in text
    assert "schema.pbtxt" not in text


def test_the_schema_is_in_it(spec: PipelineSpec):
    text = spec.root.dag.tasks["CuratedSchema"].inputs.parameters["text"]
    assert 'name: "is_training"' in text.runtime_value.constant.string_value
    assert "# " in Path(BUILT_IN).read_text()
    assert "# " not in text.runtime_value.constant.string_value


def test_what_was_chosen_is_the_default_of_the_parameters(spec: PipelineSpec):
    parameters = {
        name: parameter.default_value.string_value
        for name, parameter in spec.root.input_definitions.parameters.items()
    }
    assert parameters["data_folder"] == "gs://shop/events"
    assert json.loads(parameters["push_destination"]) == {
        "filesystem": {"base_directory": "gs://shop/models/mclrec"}
    }
    trainer = json.loads(parameters["trainer_config"])
    assert trainer["training"]["epochs"] == 3
    assert trainer["backup_directory"] == "gs://shop/artifacts/Trainer/backup"
    assert parameters["state_folder"] == "gs://shop/artifacts/state"
    assert spec.default_pipeline_root == "gs://shop/artifacts"


def test_nothing_is_taken_from_a_cache_that_misses_new_data(spec: PipelineSpec):
    for name, task in spec.root.dag.tasks.items():
        assert not task.caching_options.enable_cache, name


def test_beams_options_reach_every_container(tmp_path: Path):
    path = tmp_path / "dataflow.yaml"
    beam = "--runner=DataflowRunner --project=shop --sdk_container_image=shop/mclrec:7"
    assert run_kubeflow.main([*OPTIONS, f"--output={path}", f"--beam-args={beam}"]) == 0
    for executor in deployment_config(read_spec(path)).executors.values():
        assert list(executor.container.args[-3:]) == beam.split()


def test_a_search_for_settings_comes_before_the_training(tmp_path: Path):
    path = tmp_path / "search.yaml"
    assert run_kubeflow.main([*OPTIONS, f"--output={path}", "--trials=2"]) == 0
    order = task_order(read_spec(path))
    assert order.index("Transform") < order.index("Tuner") < order.index("Trainer")


def test_a_table_of_the_catalogue_is_a_task_before_the_training(tmp_path: Path):
    path = tmp_path / "spec.yaml"
    run_kubeflow.main([*OPTIONS, f"--output={path}", "--items=gs://shop/items.csv"])
    order = task_order(read_spec(path))
    assert order.index("Transform") < order.index("ItemFeatures") < order.index("Trainer")
    run_kubeflow.main([*OPTIONS, f"--output={path}"])
    assert "ItemFeatures" not in task_order(read_spec(path))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--item-vectors=text", "--item-vectors: applies to --items only"),
        ("--pipeline-name=MyShop", "--pipeline-name: must match"),
        ("--output=spec.json", "--output must end in .yaml"),
        ("--dim=0", "--dim must be at least 1"),
        ("--item-names=gs://shop/items.csv", "--item-names must be FILE:COLUMN"),
        ("--trials=2 --search-space=absent.json", "--search-space absent.json"),
    ],
)
def test_bad_options_are_named(option: str, message: str, capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit) as end:
        run_kubeflow.main([*OPTIONS, *option.split()])
    assert end.value.code == 2
    assert message in capsys.readouterr().err


def test_paths_of_one_machine_are_pointed_out(tmp_path: Path, capsys: pytest.CaptureFixture):
    path = tmp_path / "spec.yaml"
    run_kubeflow.main([*OPTIONS, f"--output={path}", f"--data={tmp_path}/events.csv"])
    assert "note: --data is a path, not a URI" in capsys.readouterr().out
    run_kubeflow.main([*OPTIONS, f"--output={path}", f"--item-names={tmp_path}/items.csv:title"])
    assert "note: --item-names is a path, not a URI: it has to be the same file" in (
        capsys.readouterr().out
    )
    run_kubeflow.main([*OPTIONS, f"--output={path}", f"--items={tmp_path}/items.csv"])
    assert "note: --items is a path, not a URI: it has to be the same file" in (
        capsys.readouterr().out
    )
    run_kubeflow.main([*OPTIONS, f"--output={path}", "--item-names=gs://shop/items.csv:title"])
    assert "note" not in capsys.readouterr().out


@pytest.mark.parametrize("content", ["", "[]", "a: [", "word", "pipelineInfo: {colour: red}"])
def test_a_file_that_is_no_spec_is_named(tmp_path: Path, content: str):
    path = tmp_path / "spec.yaml"
    path.write_text(content)
    with pytest.raises(ValueError, match="spec.yaml: is not a pipeline spec"):
        read_spec(path)


def test_it_is_a_pipeline_spec_to_the_letter(path: Path, spec: PipelineSpec):
    # kfp's proto knows every field, and none is lost on the way.
    assert json_format.MessageToDict(spec) == yaml.safe_load(path.read_text())
