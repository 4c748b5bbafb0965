"""Reads the ML Metadata of local runs, and corrects that of killed ones."""

from dataclasses import dataclass

from ml_metadata import metadata_store
from ml_metadata.proto.metadata_store_pb2 import Artifact, ConnectionConfig, Event, Execution
from tfx.dsl.io import fileio

_ENDED_WELL = (Execution.COMPLETE, Execution.CACHED)
# The outputs of a resolver are "internal": artifacts that another component has written.
_OUTPUT = (Event.OUTPUT, Event.INTERNAL_OUTPUT)


@dataclass(frozen=True)
class ComponentRun:
    """What one component did in one run.

    Attributes:
        cached: Whether the outputs are those of an earlier run.
        seconds: The duration in seconds.
        outputs: The artifacts by the name of the output.
    """

    cached: bool
    seconds: float
    outputs: dict[str, list[Artifact]]


class RunHistory:
    """The runs of one pipeline in a metadata store, which may contain those of others.

    An object keeps one connection. After a long time, make another object, because a server may
    have closed the idle connection.

    Args:
        config: The connection to the store.
        pipeline_name: The name of the pipeline.

    Example:
        >>> from pipeline.runners.local.run_history import RunHistory
        >>> from tfx.orchestration.metadata import sqlite_metadata_connection_config
        >>> store = sqlite_metadata_connection_config("runs/demo/metadata.sqlite")
        >>> RunHistory(store, "mclrec").latest()["Trainer"].outputs["model"][0].uri
    """

    def __init__(self, config: ConnectionConfig, pipeline_name: str):
        self._store = metadata_store.MetadataStore(config)
        pipeline = self._store.get_context_by_type_and_name("pipeline", pipeline_name)
        self._pipeline: int | None = pipeline.id if pipeline else None

    def newest_run(self) -> int | None:
        """The id of the newest run. None if there is none."""
        if self._pipeline is None:
            return None
        runs = self._store.get_children_contexts_by_context(self._pipeline)
        return max((context.id for context in runs), default=None)

    def latest(self) -> dict[str, ComponentRun]:
        """The components of the newest run that succeeded, by id, in the order of execution."""
        newest = self.newest_run()
        if newest is None:
            return {}
        return {
            self._component(execution): ComponentRun(
                cached=execution.last_known_state == Execution.CACHED,
                seconds=(execution.last_update_time_since_epoch - execution.create_time_since_epoch)
                / 1000,
                outputs=self._outputs(execution),
            )
            for execution in sorted(
                self._store.get_executions_by_context(newest), key=lambda execution: execution.id
            )
            if execution.last_known_state in _ENDED_WELL
        }

    def cancel_abandoned(self, pipeline_root: str) -> list[str]:
        """Marks executions of killed runs as canceled and removes their unfinished outputs.

        Call it only while no run of the pipeline is in progress.

        Args:
            pipeline_root: The folder of the artifacts.

        Returns:
            The ids of the components that were running.
        """
        if self._pipeline is None:
            return []
        # Filtering is done here, because ml-metadata 1.21 cannot filter in the query.
        abandoned = [
            execution
            for execution in self._store.get_executions_by_context(self._pipeline)
            if execution.last_known_state == Execution.RUNNING
        ]
        for execution in abandoned:
            for leftover in fileio.glob(
                f"{pipeline_root}/{self._component(execution)}/*/{execution.id}"
            ):
                fileio.rmtree(leftover)
            execution.last_known_state = Execution.CANCELED
        if abandoned:
            self._store.put_executions(abandoned)
        return [self._component(execution) for execution in abandoned]

    def _component(self, execution: Execution) -> str:
        """The id of the component, whose context of type "node" is named `<pipeline>.<id>`."""
        node = self._store.get_context_type("node").id
        contexts = self._store.get_contexts_by_execution(execution.id)
        return next(c.name.split(".", 1)[1] for c in contexts if c.type_id == node)

    def _outputs(self, execution: Execution) -> dict[str, list[Artifact]]:
        outputs: dict[str, list[Artifact]] = {}
        for event in self._store.get_events_by_execution_ids([execution.id]):
            if event.type in _OUTPUT:
                (artifact,) = self._store.get_artifacts_by_id([event.artifact_id])
                outputs.setdefault(event.path.steps[0].key, []).append(artifact)
        return outputs
