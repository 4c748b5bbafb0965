"""What a run passes on to the next one where no metadata store can be queried.

Kubeflow Pipelines has no resolvers. There a run begins with `PreviousRun` and ends with
`KeepForNextRun`. Small files in a folder tell the next run where the artifacts are.
"""

import os
from collections.abc import Sequence

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio
from tfx.proto import pusher_pb2
from tfx.types.standard_artifacts import Model, PushedModel
from tfx.utils import io_utils, path_utils, proto_utils

from pipeline.components.data_gate.accepted_data import AcceptedData
from pipeline.components.evaluator.component import STANDS_FOR_NONE
from pipeline.components.pusher.version_folders import version_folders
from pipeline.components.trainer.run_fn import KERAS_FILE
from serving.export_check.checksums import damage

GONE = "gone"
_ACCEPTED_DATA = "accepted_data"
_MODEL_OF = "model_of_version_{}"
# Of a version that has seen the events on which a new model is compared with it.
_EVALUATED_MODEL_OF = "evaluated_model_of_version_{}"


class MissingArtifact(Exception):
    """Artifacts that earlier runs have kept are gone.

    Args:
        gone: One line for each of them, which the message repeats.
        state_folder: The folder that refers to them.
    """

    def __init__(self, gone: Sequence[str], state_folder: str):
        lines = "".join(f"\n  {line}" for line in gone)
        super().__init__(
            f"{state_folder}: refers to what is no longer there:{lines}\nPut it back, or compile "
            "the spec with --accept-missing: then it counts as never made, and a new model or new "
            "data are not compared with it."
        )


@component
def PreviousRun(
    push_destination: Parameter[str],
    state_folder: Parameter[str],
    model: OutputArtifact[Model],
    accepted: OutputArtifact[AcceptedData],
    trains_on: Parameter[int] = 0,
    accept_missing: Parameter[int] = 0,
) -> None:
    """Copies what earlier runs have left. What does not exist yet becomes an empty artifact.

    Its outputs must never be taken from a cache. A version that somebody has removed counts as
    withdrawn: then the version before is copied, if there is one.

    Args:
        push_destination: Pusher's `PushDestination` as JSON.
        state_folder: The folder to which `KeepForNextRun` writes.
        model: The output: the newest pushed version, which was blessed, and its Keras file; where
            that version went on over every event, the model that was evaluated before. Its custom
            property `GONE` has one line for each artifact that is gone.
        accepted: The output: the data that the gate of the last run accepted.
        trains_on: 1 if the training of this run begins with that model, else 0, the default.
        accept_missing: 1 to go on without artifacts that are gone, else 0, the default.

    Raises:
        MissingArtifact: An artifact is gone, and `accept_missing` is 0.
    """
    gone = []
    destination = pusher_pb2.PushDestination()
    proto_utils.json_to_proto(push_destination, destination)
    base_directory = destination.filesystem.base_directory
    version = latest_version(base_directory)
    export, trained = version, None
    if version is not None:
        number = os.path.basename(version)
        trained = _read(state_folder, _MODEL_OF.format(number))
        evaluated = _read(state_folder, _EVALUATED_MODEL_OF.format(number))
        export = path_utils.serving_model_path(evaluated) if evaluated else version
    if export is not None and not fileio.exists(os.path.join(export, "saved_model.pb")):
        gone.append(
            f"the model that was evaluated before {version} went on over every event: "
            f"{export} is gone"
        )
        version = None
    elif export is not None and (wrong := list(damage(export))):
        gone += [f"{export}: {line}" for line in wrong]
        version = None
    elif export is not None:
        io_utils.copy_dir(export, path_utils.serving_model_path(model.uri))
        keras_file = os.path.join(trained or model.uri, KERAS_FILE)
        if fileio.exists(keras_file):
            fileio.copy(keras_file, os.path.join(model.uri, KERAS_FILE))
        elif trains_on:
            gone.append(
                f"the Keras file of {version}, to begin training with: {keras_file} is gone"
                if trained
                else f"the Keras file of {version}, to begin training with: no file tells its path"
            )
    elif pushed := _names(state_folder, _MODEL_OF.format("*")):
        numbers = ", ".join(sorted(name.rsplit("_", 1)[1] for name in pushed))
        gone.append(f"the pushed versions ({numbers}): {base_directory} holds none of them")
    last = _read(state_folder, _ACCEPTED_DATA)
    if last is not None and _is_empty(last):
        gone.append(f"the data that were accepted last: {last or 'an empty path'} is gone or empty")
    elif last:
        io_utils.copy_dir(last, accepted.uri)
    if gone and not accept_missing:
        raise MissingArtifact(gone, state_folder)
    model.set_int_custom_property(STANDS_FOR_NONE, int(version is None))
    model.set_string_custom_property(GONE, "\n".join(gone))


@component
def KeepForNextRun(
    model: InputArtifact[Model],
    pushed_model: InputArtifact[PushedModel],
    accepted: InputArtifact[AcceptedData],
    state_folder: Parameter[str],
    is_refitted: Parameter[int] = 0,
) -> None:
    """Writes down where the accepted data are and, if a version was pushed, where its model is.

    Args:
        model: Trainer's output.
        pushed_model: Pusher's output.
        accepted: DataGate's output.
        state_folder: The folder that gets one file for the data and one for each version. Each
            version has a file of its own, so runs that overlap do not overwrite each other's.
        is_refitted: 1 if the pushed version may have seen every event, else 0, the default. Then
            later models are compared with `model`.
    """
    if pushed_model.get_int_custom_property("pushed"):
        version = pushed_model.get_string_custom_property("pushed_version")
        _write(state_folder, _MODEL_OF.format(version), model.uri)
        if is_refitted:
            _write(state_folder, _EVALUATED_MODEL_OF.format(version), model.uri)
    _write(state_folder, _ACCEPTED_DATA, accepted.uri)


def latest_version(base_directory: str) -> str | None:
    """The folder of the newest version that has a SavedModel. None if there is none."""
    for name in reversed(version_folders(base_directory)):
        folder = os.path.join(base_directory, name)
        if fileio.exists(os.path.join(folder, "saved_model.pb")):
            return folder
    return None


def _is_empty(folder: str) -> bool:
    return not folder or not fileio.isdir(folder) or not fileio.listdir(folder)


def _names(state_folder: str, pattern: str) -> list[str]:
    return [os.path.basename(path) for path in fileio.glob(os.path.join(state_folder, pattern))]


def _write(state_folder: str, name: str, uri: str) -> None:
    fileio.makedirs(state_folder)
    with fileio.open(os.path.join(state_folder, name), "w") as file:
        file.write(uri)


def _read(state_folder: str, name: str) -> str | None:
    path = os.path.join(state_folder, name)
    if not fileio.exists(path):
        return None
    with fileio.open(path) as file:
        return file.read()
