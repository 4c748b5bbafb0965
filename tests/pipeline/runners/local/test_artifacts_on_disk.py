"""What the metadata know and the disk does not stops a run, and is never taken for nothing."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from ml_metadata import metadata_store
from ml_metadata.proto.metadata_store_pb2 import (
    Artifact,
    ArtifactType,
    Context,
    ContextType,
    Event,
    Execution,
    ExecutionType,
    ParentContext,
)
from tfx.orchestration.metadata import sqlite_metadata_connection_config

from mclrec_tf.export.checksums import write_checksums
from pipeline.runners.local.artifacts_on_disk import ArtifactsOnDisk
from pipeline.runners.local.workdir import RunError, Workdir

OUTPUTS = {
    "Examples": ("FileBasedExampleGen", "examples"),
    "TransformGraph": ("Transform", "transform_graph"),
    "Model": ("Trainer", "model"),
    "ModelBlessing": ("Blessing", "blessing"),
    "Statistics": ("DataGate", "accepted"),
}


class Folder:
    """A work folder with runs as TFX writes them."""

    def __init__(self, path: Path):
        self.path = path
        path.mkdir(exist_ok=True)
        self._runs = 0

    @property
    def store(self) -> metadata_store.MetadataStore:
        file = Workdir(self.path).metadata_file
        return metadata_store.MetadataStore(sqlite_metadata_connection_config(file))

    def run(self, *kinds: str) -> dict[str, Artifact]:
        """A run that makes an artifact of each kind, by default of all; they are returned."""
        store = self.store
        self._runs += 1
        pipeline = _context(store, "pipeline", "mclrec")
        run = _context(store, "pipeline_run", str(self._runs))
        store.put_parent_contexts([ParentContext(parent_id=pipeline.id, child_id=run.id)])
        made: dict[str, Artifact] = {}
        for kind in kinds or OUTPUTS:
            component, key = OUTPUTS[kind]
            execution = Execution(
                type_id=store.put_execution_type(ExecutionType(name=component)),
                last_known_state=Execution.COMPLETE,
            )
            (number,) = store.put_executions([execution])
            execution.id = number
            uri = Path(Workdir(self.path).pipeline_root, component, key, str(number))
            write(kind, uri)
            artifact = Artifact(
                type_id=store.put_artifact_type(ArtifactType(name=kind), can_add_fields=True),
                uri=str(uri),
                state=Artifact.LIVE,
            )
            if kind == "ModelBlessing" and component == "Blessing":
                artifact.custom_properties["blessed"].int_value = 1
                artifact.custom_properties["current_model_id"].int_value = made["Model"].id
            step = Event.Path(steps=[Event.Path.Step(key=key), Event.Path.Step(index=0)])
            _, (artifact.id,), _ = store.put_execution(
                execution, [(artifact, Event(type=Event.OUTPUT, path=step))], [pipeline, run]
            )
            made[kind] = artifact
        return made

    def on_disk(self) -> ArtifactsOnDisk:
        return ArtifactsOnDisk(self.store, "mclrec", Workdir(self.path))

    def check(self, accept_missing: bool = False) -> list[str]:
        return self.on_disk().check(accept_missing)

    def state(self, artifact: Artifact) -> int:
        (found,) = self.store.get_artifacts_by_id([artifact.id])
        return found.state


def _context(store: metadata_store.MetadataStore, kind: str, name: str) -> Context:
    found = store.get_context_by_type_and_name(kind, name)
    if found is None:
        found = Context(type_id=store.put_context_type(ContextType(name=kind)), name=name)
        (found.id,) = store.put_contexts([found])
    return found


def write(kind: str, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "content").write_text(f"{kind} of {folder}")
    if kind == "Model":
        export = folder / "Format-Serving"
        (export / "assets").mkdir(parents=True)
        (folder / "model.keras").write_text("weights")
        (export / "saved_model.pb").write_text("graph")
        (export / "assets" / "items").write_text("a\nb\n")
        write_checksums(str(export))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "my shop")


def test_before_the_first_run_nothing_is_missed(folder: Folder):
    assert folder.check() == []
    assert folder.on_disk().pipeline_root() == str(folder.path / "artifacts")


def test_what_is_there_is_not_missed_however_often_one_looks(folder: Folder):
    folder.run()
    folder.run()
    assert folder.check() == folder.check() == []


@pytest.mark.parametrize("kind", OUTPUTS)
def test_any_kind_that_is_gone_stops_the_run_and_is_named(folder: Folder, kind: str):
    lost = folder.run()[kind]
    shutil.rmtree(lost.uri)
    with pytest.raises(RunError) as refusal:
        folder.check()
    assert f"{lost.uri}: is gone" in str(refusal.value)
    assert "--accept-missing" in str(refusal.value) and "Put it back" in str(refusal.value)
    assert folder.state(lost) == Artifact.LIVE


@pytest.mark.parametrize("kind", OUTPUTS)
@pytest.mark.parametrize("how", ["emptied", "truncated", "a file less"])
def test_what_is_there_but_not_whole_stops_the_run(folder: Folder, kind: str, how: str):
    lost = folder.run()[kind]
    (Path(lost.uri) / "more").write_text("more")
    folder.on_disk().remember()
    if how == "emptied":
        shutil.rmtree(lost.uri)
        Path(lost.uri).mkdir()
    elif how == "truncated":
        os.truncate(Path(lost.uri) / "content", 3)
    else:
        (Path(lost.uri) / "more").unlink()
    with pytest.raises(RunError, match="has [0-9]+ files of .* and had [0-9]+ of"):
        folder.check()


def test_what_is_empty_on_purpose_is_not_missed(folder: Folder):
    """The Evaluator's own blessing: ours is another component's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(OUTPUTS, "ModelBlessing", ("Evaluator", "blessing"))
        empty = folder.run("Model", "ModelBlessing")["ModelBlessing"]
    (Path(empty.uri) / "content").unlink()
    assert folder.check() == folder.check() == []
    shutil.rmtree(empty.uri)
    assert len(folder.check(accept_missing=True)) == 1
    assert folder.state(empty) == Artifact.DELETED


@pytest.mark.parametrize("kind", OUTPUTS)
def test_an_empty_artifact_of_an_earlier_version_stops_the_run(folder: Folder, kind: str):
    lost = folder.run()[kind]
    shutil.rmtree(lost.uri)
    Path(lost.uri).mkdir()
    with pytest.raises(RunError, match="is empty"):
        folder.check()


@pytest.mark.parametrize(
    "file", ["model.keras", "Format-Serving/saved_model.pb", "Format-Serving/assets/items"]
)
def test_a_blessed_model_of_an_earlier_version_is_looked_at_by_its_checksums(
    folder: Folder, file: str
):
    lost = folder.run()["Model"]
    (Path(lost.uri) / file).unlink()
    with pytest.raises(RunError, match=Path(file).name):
        folder.check()


def test_a_flipped_bit_of_a_blessed_model_stops_the_run(folder: Folder):
    lost = folder.run()["Model"]
    folder.on_disk().remember()
    (Path(lost.uri) / "Format-Serving" / "assets" / "items").write_text("a\nc\n")
    with pytest.raises(RunError, match="assets/items does not have the checksum"):
        folder.check()


def test_the_latest_blessed_model_and_data_are_missed_after_runs_that_failed(folder: Folder):
    first = folder.run()
    folder.run("Examples")
    for kind in ("Model", "Statistics"):
        shutil.rmtree(first[kind].uri)
    with pytest.raises(RunError) as refusal:
        folder.check()
    assert first["Model"].uri in str(refusal.value) and first["Statistics"].uri in str(
        refusal.value
    )


def test_without_what_is_accepted_as_gone_the_run_goes_on_and_says_so(folder: Folder):
    lost = folder.run()["Model"]
    shutil.rmtree(lost.uri)
    (line,) = folder.check(accept_missing=True)
    assert lost.uri in line
    # As TFX has it: resolvers and cache take nothing that is deleted.
    assert folder.state(lost) == Artifact.DELETED
    # A run that was killed and started again tells it as well, without the option.
    assert folder.check() == [line]
    folder.run()
    folder.run()
    assert folder.check() == []


def test_an_artifact_that_comes_back_counts_again(folder: Folder):
    lost = folder.run()["Model"]
    shutil.move(lost.uri, folder.path / "elsewhere")
    folder.check(accept_missing=True)
    shutil.move(folder.path / "elsewhere", lost.uri)
    assert folder.check() == []
    assert folder.state(lost) == Artifact.LIVE


def test_what_no_run_builds_on_may_be_cleared_away_and_is_not_used_again(folder: Folder):
    old = folder.run()
    for _ in range(2):
        folder.run()
    for artifact in old.values():
        shutil.rmtree(artifact.uri)
    assert folder.check() == []
    assert {folder.state(artifact) for artifact in old.values()} == {Artifact.DELETED}


def test_a_moved_folder_is_refused_and_works_where_the_advised_link_is(folder: Folder):
    made = folder.run()
    old, new = folder.path, folder.path.with_name("new $HOME")
    old.rename(new)
    folder.path = new
    with pytest.raises(RunError) as refusal:
        folder.check()
    text = str(refusal.value)
    assert f"--workdir {new}: was moved. Its metadata have the artifacts in {old}" in text
    advised = text[text.index("ln -s") : text.index("; or give")]
    assert shlex.split(advised) == ["ln", "-s", str(new), str(old)]
    subprocess.run(advised, shell=True, check=True)
    assert folder.check() == []
    # TFX's cache goes by the spelling.
    assert made["Model"].uri.startswith(folder.on_disk().pipeline_root())


def test_the_advised_link_is_made_where_the_folder_above_is_gone_too(folder: Folder):
    folder.run()
    above = folder.path.parent / "check out"
    above.mkdir()
    shutil.move(folder.path, above)
    folder.path = above / folder.path.name
    folder.run()
    moved = above.with_name("moved")
    above.rename(moved)
    folder.path = moved / folder.path.name
    with pytest.raises(RunError) as refusal:
        folder.check()
    text = str(refusal.value)
    subprocess.run(text[text.index("mkdir -p") : text.index("; or give")], shell=True, check=True)
    assert (above / folder.path.name).resolve() == folder.path


def test_a_copy_is_refused_and_leaves_the_original_alone(folder: Folder):
    made = folder.run()
    original = folder.path
    shutil.copytree(original, original.with_name("copy"))
    folder.path = original.with_name("copy")
    with pytest.raises(RunError) as refusal:
        folder.check()
    assert f"--workdir {folder.path}: is a copy of {original}" in str(refusal.value)
    assert "--accept-missing" in str(refusal.value)
    told = folder.check(accept_missing=True)
    assert len(told) == len(OUTPUTS) and f"is not in {folder.path}" in told[0]
    folder.path = original
    assert folder.check() == []
    assert folder.state(made["Model"]) == Artifact.LIVE


def test_a_folder_by_another_spelling_is_the_same(folder: Folder):
    folder.run()
    link = folder.path.with_name("link")
    link.symlink_to(folder.path)
    real = folder.path
    for spelling in (link, link / ".." / "link", Path(f"{real}/"), Path(f"//{real}")):
        folder.path = spelling
        assert Workdir(spelling).path == real
        assert folder.check() == []


@pytest.mark.parametrize("emptied", [True, False])
def test_artifacts_without_their_metadata_are_refused(folder: Folder, emptied: bool):
    folder.run()
    file = Path(Workdir(folder.path).metadata_file)
    file.write_bytes(b"") if emptied else file.unlink()
    with pytest.raises(RunError, match=r"metadata know of none\. Put .*metadata.sqlite back"):
        folder.on_disk().pipeline_root()


def test_another_pipeline_of_the_folder_is_left_alone(folder: Folder):
    lost = folder.run()["Model"]
    shutil.rmtree(lost.uri)
    other = ArtifactsOnDisk(folder.store, "other", Workdir(folder.path))
    assert other.check(accept_missing=True) == []
    assert folder.state(lost) == Artifact.LIVE
