"""Compiles the pipeline to a spec that Kubeflow Pipelines 2 and Vertex AI Pipelines run."""

import os
from pathlib import Path

import yaml
from google.protobuf import json_format
from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineDeploymentConfig, PipelineSpec
from tfx import v1 as tfx
from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import (
    KubeflowV2DagRunner,
    KubeflowV2DagRunnerConfig,
)

from pipeline import component_ids
from pipeline.runners.kubeflow.run_time_parameters import put_in
from pipeline.whole_file import whole_file

_COMMAND = ("python", "-m", "pipeline.runners.kubeflow.container")
_ADVICE = "Give a file that pipeline.run_kubeflow has written."


def compile_spec(pipeline: tfx.dsl.Pipeline, image: str) -> PipelineSpec:
    """Compiles a pipeline, which cannot be used for anything else afterwards.

    Args:
        pipeline: The pipeline, which `kubeflow_pipeline` has built.
        image: The container image of every component.

    Returns:
        A spec of schema 2.1, the only one that Kubeflow Pipelines accepts.
    """
    parameters = put_in(pipeline)
    runner = KubeflowV2DagRunner(
        KubeflowV2DagRunnerConfig(
            default_image=image, default_commands=_COMMAND, use_pipeline_spec_2_1=True
        )
    )
    job = runner.run(pipeline, write_out=False)
    spec = json_format.ParseDict(job["pipelineSpec"], PipelineSpec())
    spec.default_pipeline_root = pipeline.pipeline_info.pipeline_root
    # TFX leaves the defaults out of the spec.
    for name, parameter in parameters.items():
        definition = spec.root.input_definitions.parameters[name]
        definition.default_value.string_value = parameter.default
        definition.description = parameter.description
    _leave_driver_to_container(spec)
    return spec


def deployment_config(spec: PipelineSpec) -> PipelineDeploymentConfig:
    """The executors of a spec."""
    config = json_format.MessageToDict(spec.deployment_spec)
    return json_format.ParseDict(config, PipelineDeploymentConfig())


def _leave_driver_to_container(spec: PipelineSpec) -> None:
    """Removes ExampleGen's driver from the spec: `pipeline.runners.kubeflow.container` runs it."""
    config = deployment_config(spec)
    config.executors[f"{component_ids.EXAMPLE_GEN}_executor"].container.ClearField("lifecycle")
    spec.deployment_spec.Clear()
    spec.deployment_spec.update(json_format.MessageToDict(config))


def write_spec(spec: PipelineSpec, path: str | os.PathLike[str]) -> None:
    """Writes a spec as YAML, whole or not at all.

    Raises:
        OSError: The file cannot be written.
    """
    with whole_file(path) as unfinished:
        unfinished.write_text(yaml.safe_dump(json_format.MessageToDict(spec), allow_unicode=True))


def read_spec(path: str | os.PathLike[str]) -> PipelineSpec:
    """Reads a spec.

    Args:
        path: A YAML file, as `write_spec` writes it.

    Raises:
        ValueError: The file is not a spec.
        OSError: The file cannot be read.
    """
    try:
        spec = json_format.ParseDict(yaml.safe_load(Path(path).read_text()) or {}, PipelineSpec())
    except (yaml.YAMLError, UnicodeDecodeError, json_format.ParseError) as error:
        raise ValueError(f"{path}: is not a pipeline spec: {error}. {_ADVICE}") from error
    if not spec.root.dag.tasks:
        raise ValueError(f"{path}: is not a pipeline spec: it has no tasks. {_ADVICE}")
    return spec
