"""What one run hands on to the next, where no metadata store can be asked for it.

Kubeflow Pipelines has no resolvers. There a run begins with `PreviousRun` and ends with
`KeepForNextRun`; from one to the next, small files tell where the artifacts lie.
"""

import os

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio
from tfx.proto import pusher_pb2
from tfx.types.standard_artifacts import Model, PushedModel
from tfx.utils import io_utils, path_utils, proto_utils

from pipeline.data_gate.accepted_data import AcceptedData
from pipeline.trainer import KERAS_FILE
from pipeline.version_folders import version_folders

_ACCEPTED_DATA = "accepted_data"
_MODEL_OF = "model_of_version_{}"


@component
def PreviousRun(  # noqa: N802 (a component is a class in a pipeline)
    push_destination: Parameter[str],
    state_folder: Parameter[str],
    model: OutputArtifact[Model],
    accepted: OutputArtifact[AcceptedData],
) -> None:
    """Copies what earlier runs have left; what there is not yet stays an empty artifact.

    Its outputs must never be taken from a cache.

    Args:
        push_destination: Pusher's, as JSON.
        state_folder: `KeepForNextRun`'s.
        model: gets the newest pushed version, which was blessed, and its Keras file.
        accepted: gets what the gate of the last run accepted.
    """
    destination = pusher_pb2.PushDestination()
    proto_utils.json_to_proto(push_destination, destination)
    version = latest_version(destination.filesystem.base_directory)
    if version is not None:
        io_utils.copy_dir(version, path_utils.serving_model_path(model.uri))
        trained = _read(state_folder, _MODEL_OF.format(os.path.basename(version)))
        if trained and fileio.exists(os.path.join(trained, KERAS_FILE)):
            fileio.copy(os.path.join(trained, KERAS_FILE), os.path.join(model.uri, KERAS_FILE))
    last = _read(state_folder, _ACCEPTED_DATA)
    if last and fileio.isdir(last):
        io_utils.copy_dir(last, accepted.uri)


@component
def KeepForNextRun(  # noqa: N802
    model: InputArtifact[Model],
    pushed_model: InputArtifact[PushedModel],
    accepted: InputArtifact[AcceptedData],
    state_folder: Parameter[str],
) -> None:
    """Notes where the accepted data lie, and of a pushed version the trained model.

    Args:
        model: Trainer's.
        pushed_model: Pusher's.
        accepted: DataGate's.
        state_folder: gets a file for the data and one for each version. No file is of two versions,
            so runs that overlap take nothing from each other.
    """
    if pushed_model.get_int_custom_property("pushed"):
        version = pushed_model.get_string_custom_property("pushed_version")
        _write(state_folder, _MODEL_OF.format(version), model.uri)
    _write(state_folder, _ACCEPTED_DATA, accepted.uri)


def latest_version(base_directory: str) -> str | None:
    """The folder of the newest version, None if there is none."""
    for name in reversed(version_folders(base_directory)):
        folder = os.path.join(base_directory, name)
        if fileio.exists(os.path.join(folder, "saved_model.pb")):
            return folder
    return None


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
