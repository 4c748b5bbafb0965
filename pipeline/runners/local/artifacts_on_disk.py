"""Checks that the artifacts of earlier runs are on the disk, whole and in this work folder.

ML Metadata stores the absolute paths of artifacts and never looks at the files. Without this check,
an artifact that is gone would be treated as if it had never existed, and a model would be compared
with nothing and pushed.
"""

import json
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto.metadata_store_pb2 import Artifact
from tfx.types.standard_artifacts import Model, ModelBlessing
from tfx.utils import path_utils

from pipeline import component_ids
from pipeline.cli.shell_command import shell_command
from pipeline.components.data_gate.accepted_data import AcceptedData
from pipeline.components.trainer.run_fn import keras_path
from pipeline.runners.local.workdir import RunError, Workdir
from pipeline.whole_file import whole_file
from serving.export_check.checksums import damage

_ACCEPT = "--accept-missing"
_SIZES_FILE = "artifact-sizes.json"
# A run that starts again finds its own model and data among the newest, and is compared with those
# before.
_COMPARED_WITH = 2
# The Evaluator writes no blessing, because Blessing does, and a refused model neither goes on over
# every event nor is pushed.
_MAY_BE_EMPTY = (
    f"{component_ids.EVALUATOR}/blessing",
    f"{component_ids.REFIT}/model",
    f"{component_ids.PUSHER}/pushed_model",
    f"{component_ids.TRANSFORM}/updated_analyzer_cache",
)
_SHOWN = 10


@dataclass(frozen=True)
class Gone:
    """An artifact that cannot be used."""

    artifact: Artifact
    reason: str

    def __str__(self) -> str:
        *_, component, key, _ = self.artifact.uri.split("/")
        return f"{component}'s {key}, {self.artifact.uri}: {self.reason}"


class ArtifactsOnDisk:
    """The artifacts of one pipeline, in its metadata and on the disk.

    Args:
        store: The store of the metadata.
        pipeline_name: The name of the pipeline.
        workdir: The work folder of its runs. The caller is inside `workdir.only_run()`.
    """

    def __init__(self, store: MetadataStore, pipeline_name: str, workdir: Workdir):
        self._store = store
        self._pipeline_name = pipeline_name
        self._workdir = workdir
        self._sizes_file = workdir.path / _SIZES_FILE
        self._sizes = _read_sizes(self._sizes_file)

    def pipeline_root(self) -> str:
        """The folder of the artifacts, in the spelling of the metadata of earlier runs.

        TFX's cache finds no artifacts under another spelling. So a folder that was moved works as
        before if a symbolic link at the old path leads to it.

        Raises:
            RunError: There are artifacts, but the metadata of their runs are gone.
        """
        here = self._workdir.pipeline_root
        if not self._store.get_contexts_by_type("pipeline") and _has_numbered_folders(here):
            # A new store would assign the same numbers again, and so mix the artifacts of two runs.
            raise RunError(
                f"--workdir {self._workdir.path}: has artifacts of runs, but its metadata know of "
                f"none. Put {self._workdir.metadata_file} back as it was, or set another --workdir."
            )
        same = [root for root in map(_root, self._live()) if _is_same_folder(root, here)]
        return same[-1] if same else here

    def check(self, accept_missing: bool) -> list[str]:
        """Checks that the artifacts on which the next run depends are there and whole.

        These are the artifacts of the newest run, and the models and data that were accepted last.
        Other artifacts that are gone or damaged are marked as deleted and never used again.

        Args:
            accept_missing: Whether to go on without artifacts that are gone.

        Returns:
            One line for each artifact without which this run goes on, or an earlier one did.

        Raises:
            RunError: Artifacts are gone. The message lists them.
        """
        artifacts = {
            a.id: a for a in self._artifacts() if a.state in (Artifact.LIVE, Artifact.DELETED)
        }
        needed = self._needed(artifacts)
        found = {a.id: self._reason(a, a.id in needed) for a in artifacts.values()}
        gone = [Gone(artifacts[number], reason) for number, reason in found.items() if reason]
        missed = [one for one in gone if one.artifact.id in needed]
        new = [one for one in missed if one.artifact.state == Artifact.LIVE]
        if new and not (accept_missing and self._may_forget(new)):
            raise RunError(self._refusal(new))
        self._set(Artifact.DELETED, [one.artifact for one in gone])
        self._set(Artifact.LIVE, [a for a in artifacts.values() if not found[a.id]])
        for one in gone:
            logging.warning("Not used: %s", one)
        self.remember()
        return [str(one) for one in missed]

    def remember(self) -> None:
        """Writes down the sizes of the artifacts, so that a later run notices truncated ones."""
        here = self._workdir.pipeline_root
        sizes = {}
        for artifact in self._live():
            if os.path.isdir(artifact.uri) and _is_same_folder(_root(artifact), here):
                name = _name(artifact)
                sizes[name] = self._sizes.get(name) or _size(artifact.uri)
        with whole_file(self._sizes_file) as unfinished:
            unfinished.write_text(json.dumps(sizes, indent=0))
        self._sizes = sizes

    def _artifacts(self) -> list[Artifact]:
        pipeline = self._store.get_context_by_type_and_name("pipeline", self._pipeline_name)
        if pipeline is None:
            return []
        found = self._store.get_artifacts_by_context(pipeline.id)
        return sorted(found, key=lambda artifact: artifact.id)

    def _live(self) -> list[Artifact]:
        return [artifact for artifact in self._artifacts() if artifact.state == Artifact.LIVE]

    def _needed(self, artifacts: dict[int, Artifact]) -> set[int]:
        """The ids of the artifacts on which the next run depends."""
        needed: set[int] = set()
        pipeline = self._store.get_context_by_type_and_name("pipeline", self._pipeline_name)
        if pipeline is not None:
            runs = self._store.get_children_contexts_by_context(pipeline.id)
            if runs:
                newest = max(run.id for run in runs)
                needed |= {a.id for a in self._store.get_artifacts_by_context(newest)}
        blessed = [
            _number(artifact, "current_model_id")
            for artifact in artifacts.values()
            if artifact.type == ModelBlessing.TYPE_NAME and _number(artifact, "blessed")
        ]
        accepted = [a.id for a in artifacts.values() if a.type == AcceptedData.TYPE_NAME]
        for numbers in (blessed, accepted):
            newest = sorted(set(numbers) & set(artifacts))[-_COMPARED_WITH:]
            live = [number for number in newest if artifacts[number].state == Artifact.LIVE]
            # An artifact that was given up before the newest one was made is needed no longer.
            needed |= {
                number for number in newest if number in live or number > max(live, default=0)
            }
        return needed

    def _reason(self, artifact: Artifact, thoroughly: bool) -> str:
        """Why an artifact cannot be used. "" if it can."""
        if not _is_same_folder(_root(artifact), self._workdir.pipeline_root):
            return f"is not in {self._workdir.path}"
        if not os.path.isdir(artifact.uri):
            return "is gone"
        now, before = _size(artifact.uri), self._sizes.get(_name(artifact))
        if before and now != before:
            return "has {} files of {:,} bytes, and had {} of {:,}".format(*now, *before)
        if not before and not now[0] and not _name(artifact).startswith(_MAY_BE_EMPTY):
            return "is empty"
        if artifact.type == Model.TYPE_NAME and thoroughly and not _has_no_model(artifact):
            return _damage_of_model(artifact.uri)
        return ""

    def _may_forget(self, gone: list[Gone]) -> bool:
        """Whether artifacts may be marked as deleted.

        In a shared store, a copy of a work folder must not mark the artifacts of the original.
        """
        return not self._workdir.has_shared_metadata() or not self._elsewhere(gone)

    def _elsewhere(self, gone: Iterable[Gone]) -> list[str]:
        """The other work folders that contain these artifacts according to the metadata."""
        roots = {_root(one.artifact) for one in gone}
        return sorted(
            os.path.dirname(root)
            for root in roots
            if not _is_same_folder(root, self._workdir.pipeline_root)
        )

    def _refusal(self, gone: list[Gone]) -> str:
        elsewhere = self._elsewhere(gone)
        here = self._workdir.path
        if elsewhere:
            was = elsewhere[0]
            if os.path.isdir(was):
                what = (
                    f"--workdir {here}: is a copy of {was}, where its metadata have the artifacts"
                )
                advice = f"Go on with --workdir {shell_command(was)}, or set a new one"
            else:
                what = f"--workdir {here}: was moved. Its metadata have the artifacts in {was}"
                link = shell_command("ln", "-s", here, was)
                if not os.path.isdir(above := os.path.dirname(was)):
                    link = f"{shell_command('mkdir', '-p', above)} && {link}"
                advice = f"Move it back, or leave a link there: {link}"
        else:
            lines = [f"\n  {one}" for one in gone[:_SHOWN]]
            if len(gone) > _SHOWN:
                lines.append(f"\n  and {len(gone) - _SHOWN} more")
            what = f"--workdir {here}: has lost artifacts of earlier runs:{''.join(lines)}\n"
            advice = "Put it back"
        if self._may_forget(gone):
            advice += (
                f"; or give {_ACCEPT}: then it counts as never made, steps are repeated, and a new "
                "model or new data are not compared with what is gone"
            )
        return f"{what.rstrip()}{'' if what.endswith(chr(10)) else '.'}\n{advice}."

    def _set(self, state: "Artifact.State", artifacts: Iterable[Artifact]) -> None:
        changed = [artifact for artifact in artifacts if artifact.state != state]
        for artifact in changed:
            artifact.state = state
        if changed:
            self._store.put_artifacts(changed)


def _number(artifact: Artifact, name: str) -> int:
    """A custom property that is a number. 0 if there is none of that name.

    Reading a missing key of a proto map adds an empty value, and ML Metadata aborts the process
    when it writes a value without content.
    """
    properties = artifact.custom_properties
    return properties[name].int_value if name in properties else 0


def _root(artifact: Artifact) -> str:
    """The pipeline root: TFX writes to root/component/output/number of the execution."""
    return artifact.uri.rsplit("/", 3)[0]


def _name(artifact: Artifact) -> str:
    return "/".join(artifact.uri.rsplit("/", 3)[1:])


def _is_same_folder(one: str, other: str) -> bool:
    return one == other or os.path.realpath(one) == os.path.realpath(other)


def _size(folder: str) -> list[int]:
    """The number of files in a folder, and their total size in bytes, without broken links."""
    files = (os.path.join(path, name) for path, _, names in os.walk(folder) for name in names)
    sizes = [os.path.getsize(file) for file in files if os.path.exists(file)]
    return [len(sizes), sum(sizes)]


def _has_no_model(artifact: Artifact) -> bool:
    """Whether it is of a refit after which the evaluated model goes out, or none."""
    is_of_refit = _name(artifact).startswith(f"{component_ids.REFIT}/")
    return is_of_refit and not os.path.isdir(path_utils.serving_model_dir(artifact.uri))


def _damage_of_model(uri: str) -> str:
    saved_model = path_utils.serving_model_path(uri)
    for file in (os.path.join(saved_model, "saved_model.pb"), keras_path(saved_model)):
        if not os.path.isfile(file):
            return f"{os.path.relpath(file, uri)} is gone"
    return "; ".join(damage(saved_model))


def _has_numbered_folders(root: str) -> bool:
    return any(folder.name.isdecimal() for folder in Path(root).glob("*/*/*"))


def _read_sizes(file: Path) -> dict[str, list[int]]:
    """Reads the sizes. None are known of runs of an earlier version, or if the file is damaged."""
    try:
        return json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        return {}
