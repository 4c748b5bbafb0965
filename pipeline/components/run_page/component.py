"""The page as a component, for orchestrators that run no code of ours after a run."""

import dataclasses
import os
from collections.abc import Mapping

from ml_metadata.proto import metadata_store_pb2
from tfx import types
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.experimental.simple_artifacts import File
from tfx.types.standard_artifacts import (
    ExampleAnomalies,
    Examples,
    InfraBlessing,
    Model,
    ModelBlessing,
    ModelEvaluation,
    ModelRun,
    PushedModel,
    TransformGraph,
)

from pipeline import component_ids
from pipeline.components.between_runs.component import GONE
from pipeline.components.evaluator.component import stands_for_none
from pipeline.components.run_page.contents import read_contents
from pipeline.components.run_page.page import write_page
from pipeline.components.trainer.custom_config import TrainerConfig
from pipeline.settings import Settings, from_json

PAGE_FILE = "run.html"


@component
def RunPage(
    examples: InputArtifact[Examples],
    anomalies: InputArtifact[ExampleAnomalies],
    model: InputArtifact[Model],
    model_run: InputArtifact[ModelRun],
    transform_graph: InputArtifact[TransformGraph],
    export_check: InputArtifact[InfraBlessing],
    baseline: InputArtifact[Model],
    transitions: InputArtifact[File],
    test_examples: InputArtifact[Examples],
    evaluation: InputArtifact[ModelEvaluation],
    blessing: InputArtifact[ModelBlessing],
    pushed_model: InputArtifact[PushedModel],
    pushed_from: InputArtifact[Model],
    page: OutputArtifact[File],
    title: Parameter[str],
    settings: Parameter[str],
    trainer_config: Parameter[str],
) -> None:
    """Writes the page about a finished run. It has no timings, which the orchestrator shows.

    Args:
        examples, anomalies, model, model_run, export_check, transitions, test_examples, evaluation,
            blessing, pushed_model: The outputs of the run.
        pushed_from: The output that the pushed model was taken from.
        transform_graph: Transform's output, or that of ItemFeatures if the run has one.
        baseline: The model that the run was compared with.
        page: The output. Its folder gets `PAGE_FILE`.
        title: The title of the page.
        settings: `Settings` as JSON.
        trainer_config: `TrainerConfig` as JSON. Its settings of model and training replace those in
            `settings`, because they may be changed when a compiled pipeline is submitted.
    """
    outputs: dict[str, Mapping[str, types.Artifact]] = {
        component_ids.EXAMPLE_GEN: {"examples": examples},
        component_ids.EXAMPLE_VALIDATOR: {"anomalies": anomalies},
        component_ids.TRAINER: {"model": model, "model_run": model_run},
        component_ids.ITEM_FEATURES: {"catalogue": transform_graph},
        component_ids.EXPORT_CHECK: {"blessing": export_check},
        component_ids.LATEST_BLESSED_MODEL: {}
        if stands_for_none(baseline)
        else {"model": baseline},
        component_ids.ITEM_TRANSITIONS: {"transitions": transitions},
        component_ids.EVALUATION_FEATURES: {"test_examples": test_examples},
        component_ids.EVALUATOR: {"evaluation": evaluation},
        component_ids.BLESSING: {"blessing": blessing},
        component_ids.REFIT: {"model": pushed_from},
        component_ids.PUSHER: {"pushed_model": pushed_model},
    }
    trained = from_json(TrainerConfig, trainer_config)
    used = dataclasses.replace(
        from_json(Settings, settings), model=trained.model, training=trained.training
    )
    contents = read_contents(
        {
            name: {key: _as_in_ml_metadata(artifact) for key, artifact in artifacts.items()}
            for name, artifacts in outputs.items()
        },
        used,
        gone_without=baseline.get_string_custom_property(GONE).splitlines(),
    )
    write_page(os.path.join(page.uri, PAGE_FILE), contents, used, title=title)


def _as_in_ml_metadata(artifact: types.Artifact) -> metadata_store_pb2.Artifact:
    """An artifact with properties as in a local run; Kubeflow Pipelines makes them JSON values."""
    plain = metadata_store_pb2.Artifact(uri=artifact.uri)
    for name in artifact.mlmd_artifact.custom_properties:
        value = artifact.get_custom_property(name)
        if isinstance(value, str):
            plain.custom_properties[name].string_value = value
        elif isinstance(value, int | float):
            plain.custom_properties[name].int_value = int(value)
    return plain
