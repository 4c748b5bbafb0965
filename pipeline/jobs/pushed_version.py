"""Finds the pushed model that a job works on."""

import os
from typing import NamedTuple

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from pipeline.components.pusher.version_folders import version_folders
from pipeline.model_handler import SIGNATURE
from serving.export_check.checksums import damage

_GRAPH = "saved_model.pb"


class PushedModelError(ValueError):
    """There is no model to work on. The message names the option and says what to do."""


class ModelVersion(NamedTuple):
    """A pushed model.

    Attributes:
        version: The name of its folder.
        path: The path of its folder.
    """

    version: str
    path: str


def find_model(path: str | os.PathLike[str]) -> ModelVersion:
    """Finds the model in a folder.

    Args:
        path: The folder of a SavedModel, or a folder of versions, of which the newest is taken.

    Raises:
        PushedModelError: There is no model, it is damaged, or it has no signature `recommend`.
    """
    path = os.fspath(path).rstrip("/")
    if tf.io.gfile.exists(os.path.join(path, _GRAPH)):
        return _checked(ModelVersion(os.path.basename(path), path))
    versions = version_folders(path)
    if not versions:
        raise PushedModelError(
            f"--model {path}: contains neither a SavedModel nor a version of one. Give the folder "
            "that contains saved_model.pb, or the one that a server has as --model_base_path."
        )
    return _checked(ModelVersion(versions[-1], os.path.join(path, versions[-1])))


def _checked(model: ModelVersion) -> ModelVersion:
    """Checks a model before the workers start."""
    try:
        with tf.io.gfile.GFile(os.path.join(model.path, _GRAPH), "rb") as file:
            saved_model = SavedModel.FromString(file.read())
    except (tf.errors.OpError, DecodeError) as error:
        raise PushedModelError(
            f"--model {model.path}: cannot be read: {error}. Copy it again."
        ) from error
    names = [name for graph in saved_model.meta_graphs for name in graph.signature_def]
    if SIGNATURE not in names:
        raise PushedModelError(
            f"--model {model.path}: has no signature {SIGNATURE!r}, only {', '.join(names)}. Give "
            "a model that this pipeline pushed."
        )
    # A model with a flipped bit in its vocabulary would answer, but wrongly.
    if found := list(damage(model.path)):
        raise PushedModelError(
            f"--model {model.path}: is damaged: {'; '.join(found)}. Copy it again."
        )
    return model
