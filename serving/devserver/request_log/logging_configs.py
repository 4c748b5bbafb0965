"""Which models are logged, how often and where: `logging_config` of TF Serving, and the flags."""

import hashlib
import os
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote

import grpc
from tensorflow_serving.config import logging_config_pb2, model_server_config_pb2

from serving.errors import ServingError, invalid_argument

COLLECTOR = "tfrecord"
"""The only `type` of a log_collector_config that this server has."""

_LONGEST_NAME = 140
"""Bytes of the beginning of a file's name. File systems allow 255, and the time, the host, the
process and the number follow."""


class ModelLog(NamedTuple):
    """How the requests of one model are logged.

    Args:
        sampling_rate: The share of the requests that is logged, from 0 to 1.
        prefix: The absolute path with which the paths of the files begin.
    """

    sampling_rate: float
    prefix: str


def model_logs(
    configs: Mapping[str, model_server_config_pb2.ModelConfig], folder: str, sampling_rate: float
) -> dict[str, ModelLog]:
    """The logs of models by name.

    A model without a `logging_config` is logged as the flags say.

    Args:
        configs: The models by name.
        folder: The folder of all logs; "" if the server has none.
        sampling_rate: The share of the requests of a model without a `logging_config`.

    Raises:
        ServingError: A `logging_config` cannot be followed. Without a folder none can, and the
            message is that of TF Serving.
    """
    logs = {}
    for name, config in configs.items():
        if config.HasField("logging_config"):
            logs[name] = _of_config(name, config.logging_config, folder)
        elif folder:
            logs[name] = ModelLog(sampling_rate, os.path.join(folder, _file_name(name)))
    return logs


def _file_name(model: str) -> str:
    """How the names of a model's files begin."""
    name = quote(model, safe="")
    if name.startswith("."):  # whoever reads a folder leaves out hidden files
        name = "%2E" + name[1:]
    if len(name) > _LONGEST_NAME:
        name = f"{name[:100]}-{hashlib.sha256(model.encode()).hexdigest()[:32]}"
    return name


def _of_config(name: str, config: logging_config_pb2.LoggingConfig, folder: str) -> ModelLog:
    if not folder:
        raise invalid_argument(
            "No request-logger-creator provided. Start the server with --request_log, or remove "
            f"logging_config from model {name}: TF Serving's own program refuses it too."
        )
    collector, rate = config.log_collector_config, config.sampling_config.sampling_rate
    if collector.type != COLLECTOR:
        raise ServingError(
            grpc.StatusCode.NOT_FOUND,
            f"Cannot find LogCollector::Factory for type: {collector.type}. Model {name} can be "
            f'logged with type: "{COLLECTOR}".',
        )
    if not 0 <= rate <= 1:
        raise invalid_argument(f"sampling_rate of model {name} must be from 0 to 1, got {rate:g}")
    prefix = os.path.normpath(os.path.join(folder, collector.filename_prefix))
    # A request may bring a configuration; it must not make the server write anywhere else.
    if os.path.commonpath([prefix, folder]) != folder or prefix == folder:
        raise invalid_argument(
            f"filename_prefix of model {name} must name files in the folder of --request_log, got "
            f'"{collector.filename_prefix}"'
        )
    if os.path.basename(prefix).startswith(".") or "\0" in prefix:
        raise invalid_argument(
            f"filename_prefix of model {name} must not make hidden files, which readers of a "
            f"folder leave out, nor hold a null character, got {collector.filename_prefix!r}"
        )
    if any(
        len(part.encode()) > _LONGEST_NAME for part in os.path.relpath(prefix, folder).split("/")
    ):
        raise invalid_argument(
            f"the parts of the filename_prefix of model {name} must have at most {_LONGEST_NAME} "
            f'bytes, or the names of its files were too long, got "{collector.filename_prefix}"'
        )
    return ModelLog(rate, prefix)
