"""What a killed run leaves in the metadata and on disk is tidied up, and nothing else is."""

from pathlib import Path

from ml_metadata import metadata_store
from ml_metadata.proto.metadata_store_pb2 import (
    Artifact,
    ArtifactType,
    ConnectionConfig,
    Context,
    ContextType,
    Event,
    Execution,
    ExecutionType,
    ParentContext,
)
from tfx.orchestration.metadata import sqlite_metadata_connection_config

from pipeline.runners.local.run_history import RunHistory


class Store:
    """A metadata store with executions as TFX writes them."""

    def __init__(self, folder: Path):
        self.config: ConnectionConfig = sqlite_metadata_connection_config(str(folder / "m.sqlite"))
        self.store = metadata_store.MetadataStore(self.config)
        self.execution_type = self.store.put_execution_type(ExecutionType(name="component"))
        self.artifact_type = self.store.put_artifact_type(ArtifactType(name="Model"))
        self.node_type = self.store.put_context_type(ContextType(name="node"))
        self.run_type = self.store.put_context_type(ContextType(name="pipeline_run"))
        self.pipeline_type = self.store.put_context_type(ContextType(name="pipeline"))
        self.pipelines: dict[str, Context] = {}

    def context(self, type_id: int, name: str) -> Context:
        context = Context(type_id=type_id, name=name)
        (context.id,) = self.store.put_contexts([context])
        return context

    def run(self, name: str, pipeline: str = "mclrec") -> Context:
        """A run of a pipeline, which is made with its first run."""
        if pipeline not in self.pipelines:
            self.pipelines[pipeline] = self.context(self.pipeline_type, pipeline)
        run = self.context(self.run_type, name)
        parent = ParentContext(parent_id=self.pipelines[pipeline].id, child_id=run.id)
        self.store.put_parent_contexts([parent])
        return run

    def execution(self, run: Context, node: Context, state: int, uri: str | None = None) -> int:
        pipeline = self.pipelines[node.name.split(".")[0]]
        execution = Execution(type_id=self.execution_type, last_known_state=state)
        artifacts = []
        if uri is not None:
            step = Event.Path(steps=[Event.Path.Step(key="model"), Event.Path.Step(index=0)])
            artifact = Artifact(type_id=self.artifact_type, uri=uri)
            artifacts.append((artifact, Event(type=Event.OUTPUT, path=step)))
        number, _, _ = self.store.put_execution(execution, artifacts, [pipeline, run, node])
        return number


def test_the_newest_run_is_read(tmp_path: Path):
    store = Store(tmp_path)
    node = store.context(store.node_type, "mclrec.Trainer")
    for run, uri, state in (("1", "old", Execution.COMPLETE), ("2", "new", Execution.CACHED)):
        store.execution(store.run(run), node, state, uri)
    components = RunHistory(store.config, "mclrec").latest()
    assert list(components) == ["Trainer"]
    assert components["Trainer"].cached and components["Trainer"].seconds >= 0
    assert [artifact.uri for artifact in components["Trainer"].outputs["model"]] == ["new"]


def test_no_run_has_no_components(tmp_path: Path):
    history = RunHistory(Store(tmp_path).config, "mclrec")
    assert (history.newest_run(), history.latest()) == (None, {})


def test_components_come_in_their_order(tmp_path: Path):
    store = Store(tmp_path)
    run = store.run("1")
    names = ["Trainer", "Evaluator", "Blessing"]
    for name in names:
        node = store.context(store.node_type, f"mclrec.{name}")
        store.execution(run, node, Execution.COMPLETE)
    history = RunHistory(store.config, "mclrec")
    assert list(history.latest()) == names
    assert history.newest_run() == run.id


def test_abandoned_executions_are_cancelled_and_their_outputs_removed(tmp_path: Path):
    store = Store(tmp_path)
    run = store.run("1")
    node = store.context(store.node_type, "mclrec.Trainer")
    complete = store.execution(run, node, Execution.COMPLETE)
    running = store.execution(run, node, Execution.RUNNING)
    for number in (complete, running):
        folder = tmp_path / "root" / "Trainer" / "model" / str(number)
        folder.mkdir(parents=True)
        (folder / "saved_model.pb").write_bytes(b"")

    history = RunHistory(store.config, "mclrec")
    assert history.cancel_abandoned(str(tmp_path / "root")) == ["Trainer"]
    states = {e.id: e.last_known_state for e in store.store.get_executions()}
    assert states == {complete: Execution.COMPLETE, running: Execution.CANCELED}
    left = [folder.name for folder in (tmp_path / "root" / "Trainer" / "model").iterdir()]
    assert left == [str(complete)]
    assert history.cancel_abandoned(str(tmp_path / "root")) == []


def test_another_pipeline_of_the_store_is_left_alone(tmp_path: Path):
    store = Store(tmp_path)
    own, other = store.run("1"), store.run("2", "other")
    nodes = [store.context(store.node_type, f"{name}.Trainer") for name in ("mclrec", "other")]
    complete = store.execution(own, nodes[0], Execution.COMPLETE, "own")
    theirs = store.execution(other, nodes[1], Execution.RUNNING)
    store.execution(other, nodes[1], Execution.COMPLETE, "theirs")
    folder = tmp_path / "root" / "Trainer" / "model" / str(theirs)
    folder.mkdir(parents=True)

    history = RunHistory(store.config, "mclrec")
    assert history.newest_run() == own.id
    assert history.latest()["Trainer"].outputs["model"][0].uri == "own"
    assert history.cancel_abandoned(str(tmp_path / "root")) == []
    states = {e.id: e.last_known_state for e in store.store.get_executions()}
    assert (states[complete], states[theirs]) == (Execution.COMPLETE, Execution.RUNNING)
    assert folder.is_dir()
    assert RunHistory(store.config, "other").cancel_abandoned(str(tmp_path / "root")) == ["Trainer"]
    assert RunHistory(store.config, "a third").newest_run() is None
