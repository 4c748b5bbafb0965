"""Whether what the metadata know of earlier runs lies on the disk, whole and in this folder.

ML Metadata knows artifacts by absolute paths and never looks at them. Without this an artifact that
is gone would count as one that never was: a model would be compared with nothing and pushed.
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
from pipeline.cli.os_errors import command
from pipeline.components.data_gate.accepted_data import AcceptedData
from pipeline.components.trainer.run_fn import keras_path
from pipeline.runners.local.workdir import RunError, Workdir
from pipeline.whole_file import whole_file
from serving.export_check.checksums import damage

_ACCEPT = "--accept-missing"
_SIZES_FILE = "artifact-sizes.json"
# A run that starts again has its own model and data among the newest; it is compared with others.
_COMPARED_WITH = 2
# Where Blessing blesses, the Evaluator does not; what is refused is not pushed.
_MAY_BE_EMPTY = (
    f"{component_ids.EVALUATOR}/blessing",
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
    """The artifacts of one pipeline, as its metadata and the disk have them.

    Args:
        store: The metadata.
        pipeline_name: Name of the pipeline.
        workdir: The folder of its runs; `workdir.only_run()` is entered.
    """

    def __init__(self, store: MetadataStore, pipeline_name: str, workdir: Workdir):
        self._store = store
        self._pipeline_name = pipeline_name
        self._workdir = workdir
        self._sizes_file = workdir.path / _SIZES_FILE
        self._sizes = _read_sizes(self._sizes_file)

    def pipeline_root(self) -> str:
        """The folder of the artifacts, spelled as the metadata of its runs spell it.

        TFX takes nothing from its cache that is spelled otherwise. So a folder that was moved works
        as before where a symbolic link to it stands at the old place.

        Raises:
            RunError: The metadata are gone.
        """
        here = self._workdir.pipeline_root
        if not self._store.get_contexts_by_type("pipeline") and _has_numbered_folders(here):
            # A new store would give the numbers again, and mix the artifacts of two runs.
            raise RunError(
                f"{self._workdir.path} has artifacts of runs, but its metadata know of none: put "
                f"{self._workdir.metadata_file} back as it was, or set another --workdir"
            )
        same = [root for root in map(_root, self._live()) if _is_same_folder(root, here)]
        return same[-1] if same else here

    def check(self, accept_missing: bool) -> list[str]:
        """Looks whether everything is there on which the next run builds.

        These are the artifacts of the newest run, and the models and data that were accepted last.
        What else is damaged or gone is never used again, as if it had not been made.

        Args:
            accept_missing: Go on without what is gone.

        Returns:
            What the runs go on without, now or since an earlier one; a line each.

        Raises:
            RunError: Something is gone, with all that is.
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
        """Notes how large the artifacts are, so that a later run sees what has been cut off."""
        here = self._workdir.pipeline_root
        noted = {}
        for artifact in self._live():
            if os.path.isdir(artifact.uri) and _is_same_folder(_root(artifact), here):
                name = _name(artifact)
                noted[name] = self._sizes.get(name) or _size(artifact.uri)
        with whole_file(self._sizes_file) as unfinished:
            unfinished.write_text(json.dumps(noted, indent=0))
        self._sizes = noted

    def _artifacts(self) -> list[Artifact]:
        pipeline = self._store.get_context_by_type_and_name("pipeline", self._pipeline_name)
        if pipeline is None:
            return []
        found = self._store.get_artifacts_by_context(pipeline.id)
        return sorted(found, key=lambda artifact: artifact.id)

    def _live(self) -> list[Artifact]:
        return [artifact for artifact in self._artifacts() if artifact.state == Artifact.LIVE]

    def _needed(self, artifacts: dict[int, Artifact]) -> set[int]:
        """Numbers of those on which the next run builds."""
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
            # What was given up before the newest was made is history.
            needed |= {
                number for number in newest if number in live or number > max(live, default=0)
            }
        return needed

    def _reason(self, artifact: Artifact, thoroughly: bool) -> str:
        """Why an artifact cannot be used; "" if it can."""
        if not _is_same_folder(_root(artifact), self._workdir.pipeline_root):
            return f"is not in {self._workdir.path}"
        if not os.path.isdir(artifact.uri):
            return "is gone"
        now, before = _size(artifact.uri), self._sizes.get(_name(artifact))
        if before and now != before:
            return "has {} files of {:,} bytes, and had {} of {:,}".format(*now, *before)
        if not before and not now[0] and not _name(artifact).startswith(_MAY_BE_EMPTY):
            return "is empty"
        if artifact.type == Model.TYPE_NAME and thoroughly:
            return _damage_of_model(artifact.uri)
        return ""

    def _may_forget(self, gone: list[Gone]) -> bool:
        """A copy must not forget in a shared store what the original has."""
        return not self._workdir.has_shared_metadata() or not self._elsewhere(gone)

    def _elsewhere(self, gone: Iterable[Gone]) -> list[str]:
        """Folders in which artifacts lie that should lie here."""
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
                what = f"{here} is a copy of {was}, where its metadata have their artifacts"
                advice = f"Go on with --workdir {command(was)}, or set a new one"
            else:
                what = f"{here} was moved: its metadata have their artifacts in {was}"
                advice = f"Move it back, or leave a link there: {command('ln', '-s', here, was)}"
        else:
            lines = [f"\n  {one}" for one in gone[:_SHOWN]]
            if len(gone) > _SHOWN:
                lines.append(f"\n  and {len(gone) - _SHOWN} more")
            what = f"{here} has no longer what earlier runs have left there:{''.join(lines)}\n"
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
    """A custom property that is a number; 0 if it is not there.

    To index the map of a message makes a value, and of one without content ML Metadata aborts the
    process when it is written.
    """
    properties = artifact.custom_properties
    return properties[name].int_value if name in properties else 0


def _root(artifact: Artifact) -> str:
    """TFX writes to root/component/output/number of the execution."""
    return artifact.uri.rsplit("/", 3)[0]


def _name(artifact: Artifact) -> str:
    return "/".join(artifact.uri.rsplit("/", 3)[1:])


def _is_same_folder(one: str, other: str) -> bool:
    return one == other or os.path.realpath(one) == os.path.realpath(other)


def _size(folder: str) -> list[int]:
    """How many files there are, and their bytes; a link that leads nowhere is none."""
    files = (os.path.join(path, name) for path, _, names in os.walk(folder) for name in names)
    sizes = [os.path.getsize(file) for file in files if os.path.exists(file)]
    return [len(sizes), sum(sizes)]


def _damage_of_model(uri: str) -> str:
    saved_model = path_utils.serving_model_path(uri)
    for file in (os.path.join(saved_model, "saved_model.pb"), keras_path(saved_model)):
        if not os.path.isfile(file):
            return f"{os.path.relpath(file, uri)} is gone"
    return "; ".join(damage(saved_model))


def _has_numbered_folders(root: str) -> bool:
    return any(folder.name.isdecimal() for folder in Path(root).glob("*/*/*"))


def _read_sizes(file: Path) -> dict[str, list[int]]:
    """None are known of runs of an earlier version, or where a full disk has left half a file."""
    try:
        return json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        return {}
