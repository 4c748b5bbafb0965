"""The command of every container: TFX's entry point, with what Kubeflow Pipelines leaves out."""

import argparse
import logging
import sys
from collections.abc import Sequence

from google.protobuf import json_format
from kfp.pipeline_spec.pipeline_spec_pb2 import ComponentInputsSpec, ExecutorInput
from tfx.components.example_gen.base_example_gen_executor import BaseExampleGenExecutor
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor
from tfx.orchestration.kubeflow.v2.file_based_example_gen import driver
from tfx.utils import import_utils

from pipeline.cli.os_errors import ERROR, refusal


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a component's executor.

    ExampleGen's driver runs here too. According to TFX's spec, the orchestrator runs it before the
    task. Vertex AI does so, but Kubeflow Pipelines ignores it. The driver writes span, version and
    the pattern of the files to the output file, where the entry point looks for them.

    Args:
        arguments: Those of TFX's entry point, as in the spec. None, the default, takes the
            arguments of the process.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executor_class_path", required=True)
    parser.add_argument("--json_serialized_invocation_args", required=True)
    parser.add_argument("--json_serialized_inputs_spec_args", required=True)
    options, beam_args = parser.parse_known_args(arguments)
    invocation, definitions = ExecutorInput(), ComponentInputsSpec()
    # A newer orchestrator may send fields that this version does not know.
    json_format.Parse(
        options.json_serialized_invocation_args, invocation, ignore_unknown_fields=True
    )
    json_format.Parse(
        options.json_serialized_inputs_spec_args, definitions, ignore_unknown_fields=True
    )
    complete(invocation, definitions)
    options.json_serialized_invocation_args = json_format.MessageToJson(invocation)
    executor_class = import_utils.import_class_by_path(options.executor_class_path)
    try:
        if issubclass(executor_class, BaseExampleGenExecutor):
            driver.main(options)
        kubeflow_v2_run_executor.main((options, beam_args))
    except Exception as error:
        text = refusal(error)
        if text is None:
            raise
        # The log of the container is all that can be read, and people read its end first.
        logging.exception("The task failed")
        print(text, file=sys.stderr)
        sys.exit(ERROR)


def complete(invocation: ExecutorInput, definitions: ComponentInputsSpec) -> None:
    """Completes an invocation by Kubeflow Pipelines so that TFX can read it.

    Kubeflow Pipelines drops the types of artifacts between tasks, without which TFX cannot read
    them. It also requests an artifact with the logs of every task, whose type TFX does not know.

    Args:
        invocation: The invocation, which is changed in place.
        definitions: The component's inputs, as in the spec.
    """
    for key, artifacts in invocation.inputs.artifacts.items():
        for artifact in artifacts.artifacts:
            artifact.type.CopyFrom(definitions.artifacts[key].artifact_type)
    for key, artifacts in list(invocation.outputs.artifacts.items()):
        if artifacts.artifacts[0].type.schema_title.startswith("system."):
            del invocation.outputs.artifacts[key]


if __name__ == "__main__":
    main()
