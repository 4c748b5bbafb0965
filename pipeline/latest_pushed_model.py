"""The model a new one is compared with, where nobody can be asked what was blessed."""

import os

from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio
from tfx.proto import pusher_pb2
from tfx.types.standard_artifacts import Model
from tfx.utils import io_utils, path_utils, proto_utils

from pipeline.version_folders import version_folders


@component
def LatestPushedModel(  # noqa: N802 (a component is a class in a pipeline)
    push_destination: Parameter[str], model: OutputArtifact[Model]
) -> None:
    """Copies the newest pushed version, which was blessed; an empty artifact if there is none.

    For orchestrators without resolvers. Its output must never be taken from a cache.

    Args:
        push_destination: Pusher's, as JSON.
        model: gets the copy.
    """
    destination = pusher_pb2.PushDestination()
    proto_utils.json_to_proto(push_destination, destination)
    version = latest_version(destination.filesystem.base_directory)
    if version is not None:
        io_utils.copy_dir(version, path_utils.serving_model_path(model.uri))


def latest_version(base_directory: str) -> str | None:
    """The folder of the newest version, None if there is none."""
    for name in reversed(version_folders(base_directory)):
        folder = os.path.join(base_directory, name)
        if fileio.exists(os.path.join(folder, "saved_model.pb")):
            return folder
    return None
