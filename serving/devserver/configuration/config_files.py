"""Reads the files that configure a server, and follows the one that names its models."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from google.protobuf import text_format
from google.protobuf.message import Message
from tensorflow_serving.config import model_server_config_pb2

from serving.errors import ServingError

_Config = TypeVar("_Config", bound=Message)

_log = logging.getLogger(__name__)


def read_config(path: str | os.PathLike[str], message_type: type[_Config]) -> _Config:
    """A protocol buffer in text format.

    Args:
        path: The path of the file.
        message_type: The class of the message that it holds.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is not such a message; with the file, the line and the column.
    """
    try:
        return text_format.Parse(Path(path).read_bytes(), message_type())
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {error}") from error


async def follow_model_config(
    path: str | os.PathLike[str],
    taken: model_server_config_pb2.ModelServerConfig,
    seconds: float,
    reload: Callable[[model_server_config_pb2.ModelServerConfig], Awaitable[None]],
) -> None:
    """Takes over a file of models whenever its contents change, until it is cancelled.

    A file that is faulty, or that asks for a model that cannot be loaded, changes nothing; the
    reason is logged once, and the file is tried again at the next look.

    Args:
        path: The path of a ModelServerConfig in text format.
        taken: The configuration that is served now.
        seconds: The time between two looks at the file.
        reload: Takes over a configuration.
    """
    logged = ""
    while True:
        await asyncio.sleep(seconds)
        fault = ""
        try:
            config = read_config(path, model_server_config_pb2.ModelServerConfig)
            if config != taken:
                await reload(config)
                taken = config
                _log.info("%s has changed: its models are served now", path)
        except ValueError as error:
            fault = str(error)
        except (OSError, ServingError) as error:
            fault = f"{path}: {error}"
        if fault and fault != logged:
            _log.error("the models stay as they are: %s", fault)
        logged = fault
