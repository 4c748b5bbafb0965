"""An invocation as Kubeflow Pipelines writes it becomes one that TFX reads."""

from kfp.pipeline_spec.pipeline_spec_pb2 import ComponentInputsSpec, ExecutorInput
from tfx.orchestration.kubeflow.v2.container.kubeflow_v2_entrypoint_utils import (
    parse_raw_artifact_dict,
)
from tfx.types.standard_artifacts import Model, ModelBlessing

from pipeline.runners.kubeflow.container import complete


def test_types_are_restored_and_logs_are_no_artifact():
    definitions, invocation = ComponentInputsSpec(), ExecutorInput()
    definitions.artifacts["model"].artifact_type.instance_schema = "title: tfx.Model"
    forgotten = invocation.inputs.artifacts["model"].artifacts.add(name="7", uri="gs://shop/model")
    forgotten.type.instance_schema = ""
    blessing = invocation.outputs.artifacts["blessing"].artifacts.add(name="blessing")
    blessing.type.instance_schema = "title: tfx.ModelBlessing"
    logs = invocation.outputs.artifacts["executor-logs"].artifacts.add(name="executor-logs")
    logs.type.schema_title = "system.Artifact"

    complete(invocation, definitions)

    (model,) = parse_raw_artifact_dict(invocation.inputs.artifacts)["model"]
    assert isinstance(model, Model) and model.uri == "gs://shop/model"
    outputs = parse_raw_artifact_dict(invocation.outputs.artifacts)
    assert {key: type(one) for key, (one,) in outputs.items()} == {"blessing": ModelBlessing}
