"""Which SavedModel answers."""

import os
from typing import NamedTuple

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from pipeline.components.pusher.version_folders import version_folders
from pipeline.jobs.batch_inference.error import BatchInferenceError
from pipeline.model_handler import SIGNATURE
from serving.export_check.checksums import damage

_GRAPH = "saved_model.pb"


class ModelVersion(NamedTuple):
    """A pushed model.

    Attributes:
        version: The name of its folder.
        path: The folder.
    """

    version: str
    path: str


def find_model(path: str | os.PathLike[str]) -> ModelVersion:
    """Finds the model in a folder: a SavedModel, or the newest of the versions that lie there.

    Raises:
        BatchInferenceError: There is none, or it is damaged.
    """
    path = os.fspath(path).rstrip("/")
    if tf.io.gfile.exists(os.path.join(path, _GRAPH)):
        return _checked(ModelVersion(os.path.basename(path), path))
    versions = version_folders(path)
    if not versions:
        raise BatchInferenceError(
            f"--model {path}: no SavedModel is here and no version of one. Give the folder that "
            "holds saved_model.pb, or the folder that a server would have as --model_base_path."
        )
    return _checked(ModelVersion(versions[-1], os.path.join(path, versions[-1])))


def _checked(model: ModelVersion) -> ModelVersion:
    """Tells a wrong model before the workers start."""
    try:
        with tf.io.gfile.GFile(os.path.join(model.path, _GRAPH), "rb") as file:
            saved_model = SavedModel.FromString(file.read())
    except (tf.errors.OpError, DecodeError) as error:
        raise BatchInferenceError(f"--model {model.path}: cannot be read: {error}.") from error
    names = [name for graph in saved_model.meta_graphs for name in graph.signature_def]
    if SIGNATURE not in names:
        raise BatchInferenceError(
            f"--model {model.path}: has no signature {SIGNATURE!r}, only {', '.join(names)}. Give "
            "a model that this pipeline pushed."
        )
    # With a flipped bit in its vocabulary it would answer, and wrongly.
    if found := list(damage(model.path)):
        raise BatchInferenceError(
            f"--model {model.path}: is damaged: {'; '.join(found)}. Copy it again."
        )
    return model
