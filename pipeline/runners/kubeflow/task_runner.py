"""Runs a compiled spec on one machine: every task's command, with a folder as the object store.

Tells the tasks what Kubeflow Pipelines tells them, which is less than Vertex AI does.
"""

import os
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path

from google.protobuf import json_format
from kfp.pipeline_spec.pipeline_spec_pb2 import (
    ExecutorInput,
    ExecutorOutput,
    PipelineSpec,
    PipelineTaskSpec,
)

from pipeline.runners.kubeflow.spec import deployment_config

# Runs a command, sends what it prints to a file and returns its exit status.
Launch = Callable[[list[str], Path], int]

_INVOCATION = "{{$}}"
_LINES_SHOWN = 20


class TaskError(Exception):
    """A task failed, or cannot be run here."""


def launch(command: list[str], log: Path) -> int:
    """Runs a task's command as its container would, with this interpreter as `python`."""
    folder = os.path.dirname(sys.executable)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ.get('PATH', '')}"}
    with log.open("wb") as file:
        return subprocess.run(
            command, stdout=file, stderr=subprocess.STDOUT, env=environment
        ).returncode


class SpecRun:
    """One run of a spec.

    Args:
        spec: What `compile_spec` returns.
        folder: A new folder for the artifacts and the tasks' logs.
        parameters: Values by name for the spec's parameters; the others keep their defaults.
        launch: Runs a command.

    Attributes:
        outputs: What each finished task handed back.

    Raises:
        ValueError: A parameter that the spec does not have.
        FileExistsError: The folder is there.
    """

    def __init__(
        self,
        spec: PipelineSpec,
        folder: str | os.PathLike[str],
        parameters: Mapping[str, str] | None = None,
        launch: Launch = launch,
    ):
        defined = spec.root.input_definitions.parameters
        unknown = set(parameters or {}) - set(defined)
        if unknown:
            raise ValueError(
                f"the spec has no parameter {', '.join(sorted(unknown))}; "
                f"it has {', '.join(sorted(defined))}"
            )
        self.outputs: dict[str, ExecutorOutput] = {}
        self._parameters = {
            name: (parameters or {}).get(name, definition.default_value.string_value)
            for name, definition in defined.items()
        }
        self._spec = spec
        self._executors = deployment_config(spec).executors
        self._folder = Path(folder)
        self._launch = launch
        self._folder.mkdir(parents=True)

    def run(self) -> Iterator[tuple[str, float]]:
        """Runs one task after the other; yields the name of each finished one and its seconds.

        Raises:
            TaskError: A task failed; those that need it are not run.
        """
        for name in task_order(self._spec):
            start = time.monotonic()
            self._run_task(name, self._spec.root.dag.tasks[name])
            yield name, time.monotonic() - start

    def _run_task(self, name: str, task: PipelineTaskSpec) -> None:
        executor = self._executors[self._spec.components[task.component_ref.name].executor_label]
        if executor.WhichOneof("spec") != "container":
            raise TaskError(f"{name} is a {executor.WhichOneof('spec')}; only containers run here")
        invocation = self._invocation(name, task)
        text = json_format.MessageToJson(invocation)
        command = [
            argument.replace(_INVOCATION, text)
            for argument in (*executor.container.command, *executor.container.args)
        ]
        log = self._folder / name / "log"
        status = self._launch(command, log)
        if status:
            end = "\n".join(log.read_text(errors="replace").splitlines()[-_LINES_SHOWN:])
            raise TaskError(f"{name} ended with status {status}; the end of {log}:\n{end}")
        self.outputs[name] = _read_output(invocation)

    def _invocation(self, name: str, task: PipelineTaskSpec) -> ExecutorInput:
        """What the orchestrator tells a container: inputs, and where the outputs belong."""
        folder = self._folder / name
        invocation = ExecutorInput()
        for key, source in task.inputs.parameters.items():
            if source.WhichOneof("kind") == "component_input_parameter":
                value = self._parameters[source.component_input_parameter]
                invocation.inputs.parameter_values[key].string_value = value
            else:
                invocation.inputs.parameter_values[key].CopyFrom(source.runtime_value.constant)
        for key, artifact in task.inputs.artifacts.items():
            producer = artifact.task_output_artifact
            produced = self.outputs[producer.producer_task].artifacts[producer.output_artifact_key]
            invocation.inputs.artifacts[key].CopyFrom(produced)
        definitions = self._spec.components[task.component_ref.name].output_definitions
        for key, definition in definitions.artifacts.items():
            uri = folder / key
            uri.mkdir(parents=True)  # an object store has every folder
            invocation.outputs.artifacts[key].artifacts.add(
                name=key,
                uri=str(uri),
                type=definition.artifact_type,
                metadata=definition.metadata,
            )
        logs = invocation.outputs.artifacts["executor-logs"].artifacts.add(
            name="executor-logs", uri=str(folder / "log")
        )
        logs.type.schema_title = "system.Artifact"
        folder.mkdir(parents=True, exist_ok=True)
        invocation.outputs.output_file = str(folder / "executor_output.json")
        return invocation


def task_order(spec: PipelineSpec) -> list[str]:
    """The names of a spec's tasks, each after those that it depends on."""
    return list(
        TopologicalSorter(
            {name: list(task.dependent_tasks) for name, task in spec.root.dag.tasks.items()}
        ).static_order()
    )


def _read_output(invocation: ExecutorInput) -> ExecutorOutput:
    """What a task has told about its artifacts, as the next tasks are told it."""
    told = ExecutorOutput()
    with open(invocation.outputs.output_file) as file:
        json_format.Parse(file.read(), told)
    for artifacts in told.artifacts.values():
        (artifact,) = artifacts.artifacts
        artifact.name = str(zlib.crc32(artifact.uri.encode()))  # a number of the metadata store
        artifact.type.instance_schema = ""
    return told
