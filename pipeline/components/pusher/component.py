"""Copies a blessed model to the served folder: whole or not at all, and only once."""

import os
from typing import Any

import tensorflow as tf
from absl import logging
from tfx import types
from tfx.components.pusher import component, executor
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.dsl.io import fileio
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils
from tfx.types.standard_component_specs import (
    MODEL_KEY,
    PUSH_DESTINATION_KEY,
    PUSHED_MODEL_KEY,
)
from tfx.utils import io_utils, path_utils, proto_utils

from mclrec_tf.export.registered_sets import keep_item_sets
from pipeline.components.pusher.served_folder import UNFINISHED, alone_in
from pipeline.components.pusher.version_folders import version_folders
from pipeline.components.refit.report import IN_ITS_PLACE
from pipeline.whole_folder import whole_folder
from serving.export_check.checksums import damage
from serving.export_contract import CHECKSUM_FILE


class PusherExecutor(executor.Executor):
    """TFX's Pusher, made safe to kill and to repeat.

    TFX copies directly into the served folder, and the current time is the version: a killed push
    leaves half a version, and a repeated push adds a second version. Here the version is the time
    at which the model was exported, and the folder appears by a rename.
    """

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        pushed = artifact_utils.get_single_instance(output_dict[PUSHED_MODEL_KEY])
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            return
        destination = pusher_pb2.PushDestination()
        proto_utils.json_to_proto(exec_properties[PUSH_DESTINATION_KEY], destination)
        model_path = self._model_path(input_dict)
        version = export_time(model_path)
        folder = push(model_path, destination.filesystem.base_directory, version)
        io_utils.copy_dir(model_path, pushed.uri)
        self._MarkPushed(pushed, pushed_destination=folder, pushed_version=os.path.basename(folder))

    def _model_path(self, input_dict: dict[str, list[types.Artifact]]) -> str:
        model = artifact_utils.get_single_instance(input_dict[MODEL_KEY])
        if other := model.get_string_custom_property(IN_ITS_PLACE):
            return path_utils.serving_model_path(other)
        return self.GetModelPath(input_dict)


class Pusher(component.Pusher):
    """`tfx.components.Pusher` with `PusherExecutor`. The arguments are the same."""

    EXECUTOR_SPEC = ExecutorClassSpec(PusherExecutor)


def export_time(model_path: str) -> int:
    """The time at which a SavedModel was written, in seconds since 1970-01-01 UTC."""
    stat = tf.io.gfile.stat(os.path.join(model_path, "saved_model.pb"))
    return int(stat.mtime_nsec // 1_000_000_000)


def push(
    model_path: str | os.PathLike[str], base_directory: str | os.PathLike[str], version: int
) -> str:
    """Copies a SavedModel to `base_directory/version`, unless it is there already.

    It takes the item sets of the newest version along, and is not pushed if that then has the same
    files: after a work folder was copied, the same export has another modification time. Folders
    that killed pushes have left are removed.

    Args:
        model_path: The folder of the SavedModel.
        base_directory: The folder of all versions, which is the server's `--model_base_path`.
        version: The number of the version.

    Returns:
        The folder of the version.

    Raises:
        FileExistsError: The version exists and is another model.
    """
    model_path, base_directory = os.fspath(model_path), os.fspath(base_directory)
    with alone_in(base_directory):
        return _push(model_path, base_directory, version)


def _push(model_path: str, base_directory: str, version: int) -> str:
    folder = os.path.join(base_directory, str(version))
    if fileio.exists(folder):
        if _graph(folder) != _graph(model_path):
            raise FileExistsError(
                f"{folder}: holds another model. Remove it, or set another --serving-dir."
            )
        logging.info("%s was pushed before", folder)
        return folder
    newest = ""
    try:
        with whole_folder(folder, f"{UNFINISHED}{version}") as unfinished:
            io_utils.copy_dir(model_path, unfinished)
            # Again where another version has come meanwhile, as it may on remote storage.
            while newest != (newest := _newest(base_directory)):
                keep_item_sets(newest, unfinished)
            if newest and (checksums := _checksums(newest)) and checksums == _checksums(unfinished):
                raise _ThereAlready
    except _ThereAlready:
        logging.info("%s is this model", newest)
        return newest
    return folder


def _newest(base_directory: str) -> str:
    versions = version_folders(base_directory)
    return os.path.join(base_directory, versions[-1]) if versions else ""


class _ThereAlready(Exception):
    """The newest version is this model."""


def _checksums(folder: str) -> bytes:
    """The checksum file of an export. Empty if there is none, or a file does not match it."""
    file = os.path.join(folder, CHECKSUM_FILE)
    if not fileio.exists(file) or any(damage(folder)):
        return b""
    with fileio.open(file, "rb") as sums:
        return sums.read()


def _graph(folder: str) -> bytes:
    with fileio.open(os.path.join(folder, "saved_model.pb"), "rb") as file:
        return file.read()
