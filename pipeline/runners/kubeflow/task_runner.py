"""Runs the tasks of a compiled spec on one machine, with a folder in place of the object store.

The tasks get the information that Kubeflow Pipelines passes to them, which is less than Vertex AI
passes.
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

# Runs a command, writes its output to a file and returns its exit status.
Launch = Callable[[list[str], Path], int]

_INVOCATION = "{{$}}"
_LINES_SHOWN = 20


class TaskError(Exception):
    """A task failed, or cannot run on this machine."""


def launch(command: list[str], log: Path) -> int:
    """Runs a task's command as its container would, with this interpreter as `python`.

    Args:
        command: The program and its arguments.
        log: The file that gets the output.

    Returns:
        The exit status.
    """
    folder = os.path.dirname(sys.executable)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ.get('PATH', '')}"}
    with log.open("wb") as file:
        return subprocess.run(
            command, stdout=file, stderr=subprocess.STDOUT, env=environment
        ).returncode


class TaskRunner:
    """Runs the tasks of one spec once.

    Args:
        spec: The spec, as `compile_spec` returns it.
        folder: A new folder for the artifacts and the logs of the tasks.
        parameters: Values for the spec's parameters, by name. By default all have their defaults.
        launch: The function that runs a command, by default as a process.

    Attributes:
        outputs: The output of each finished task, by its name.

    Raises:
        ValueError: The spec has no parameter of a given name.
        FileExistsError: The folder exists.
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
                f"parameters: the spec has no parameter {', '.join(sorted(unknown))}. "
                f"It has {', '.join(sorted(defined))}."
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
        """Runs the tasks one after the other. Yields each one's name and duration in seconds.

        Raises:
            TaskError: A task failed. The remaining tasks are not run.
        """
        for name in task_order(self._spec):
            start = time.monotonic()
            self._run_task(name, self._spec.root.dag.tasks[name])
            yield name, time.monotonic() - start

    def _run_task(self, name: str, task: PipelineTaskSpec) -> None:
        executor = self._executors[self._spec.components[task.component_ref.name].executor_label]
        if executor.WhichOneof("spec") != "container":
            kind = executor.WhichOneof("spec")
            raise TaskError(f"{name}: is a {kind}. Only containers can run on this machine.")
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
            raise TaskError(f"{name}: ended with status {status}. The end of {log}:\n{end}")
        self.outputs[name] = _read_output(invocation)

    def _invocation(self, name: str, task: PipelineTaskSpec) -> ExecutorInput:
        """What the orchestrator passes to a container: its inputs, and the paths of its outputs."""
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
            uri.mkdir(parents=True)  # In an object store, folders need not be created.
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
    """The names of a spec's tasks, each after the tasks that it depends on."""
    return list(
        TopologicalSorter(
            {name: list(task.dependent_tasks) for name, task in spec.root.dag.tasks.items()}
        ).static_order()
    )


def _read_output(invocation: ExecutorInput) -> ExecutorOutput:
    """What a task has reported about its artifacts, in the form that the next tasks get."""
    output = ExecutorOutput()
    with open(invocation.outputs.output_file) as file:
        json_format.Parse(file.read(), output)
    for artifacts in output.artifacts.values():
        (artifact,) = artifacts.artifacts
        # Stands for the id that the artifact has in the metadata store.
        artifact.name = str(zlib.crc32(artifact.uri.encode()))
        artifact.type.instance_schema = ""
    return output
