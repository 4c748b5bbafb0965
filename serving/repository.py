"""The models of a server, and the pool of threads that runs them."""

import asyncio
import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import grpc
import tensorflow as tf
from tensorflow_serving.apis import get_model_status_pb2, model_pb2
from tensorflow_serving.config import model_server_config_pb2

from serving.errors import ServingError, invalid_argument
from serving.model import Model

_PLATFORM = "tensorflow"
_ABSOLUTE = re.compile(r"/|[a-zA-Z][a-zA-Z0-9+.-]*://")
_Answer = TypeVar("_Answer")

_log = logging.getLogger(__name__)


def single_model(name: str, base_path: str) -> model_server_config_pb2.ModelServerConfig:
    """The configuration of a server with one model, whose newest version is served."""
    config = model_server_config_pb2.ModelServerConfig()
    config.model_config_list.config.add(name=name, base_path=base_path, model_platform=_PLATFORM)
    return config


class ModelRepository:
    """Loads, swaps and unloads models while requests are answered.

    Args:
        num_threads: How many calls run at the same time; the others wait.

    Example:

    >>> repository = ModelRepository(num_threads=4)
    >>> await repository.start(single_model("mclrec", "/models/mclrec"))
    >>> await repository.call(ModelSpec(name="mclrec"), predict_request, request)
    """

    def __init__(self, num_threads: int):
        self._threads = ThreadPoolExecutor(num_threads, thread_name_prefix="session")
        self._models: dict[str, Model] = {}
        self._refreshing = asyncio.Lock()

    async def start(self, config: model_server_config_pb2.ModelServerConfig) -> None:
        """Loads the models of the first configuration.

        Raises:
            ServingError: The configuration is wrong, a model has no version that can be loaded,
                or a label names a version that is not among them.
        """
        configs = _checked(config)
        await self._apply(configs)
        self._check_labels(configs)

    async def reload(self, config: model_server_config_pb2.ModelServerConfig) -> None:
        """Takes over another configuration; returns when its models answer.

        Raises:
            ServingError: The configuration is wrong, and nothing has changed; or one of its
                models has no version that can be loaded.
        """
        configs = _checked(config)
        self._check_labels(configs)
        await self._apply(configs)

    async def refresh(self) -> None:
        """Loads the versions that are wanted now and retires those that are not."""
        async with self._refreshing:
            for model in list(self._models.values()):
                await model.refresh()

    async def refresh_forever(self, seconds: float) -> None:
        """Refreshes at an interval, until it is cancelled."""
        while True:
            await asyncio.sleep(seconds)
            try:
                await self.refresh()
            except (OSError, tf.errors.OpError) as error:
                _log.warning("cannot look for new versions: %s", error)

    async def call(
        self, spec: model_pb2.ModelSpec, function: Callable[..., _Answer], *args: object
    ) -> _Answer:
        """Calls a function on the servable that a request names, in the pool of threads.

        Args:
            spec: Of the request: a model, with a version, a label or neither.
            function: Called with the servable and `args`.

        Raises:
            ServableNotFound: There is no such servable.
            ServingError: The function raised it.
        """
        if not spec.name:
            raise invalid_argument("ModelSpec has no name specified.")
        version = self._model(spec.name).find(spec)
        try:
            running = asyncio.get_running_loop().run_in_executor(
                self._threads, function, version.servable, *args
            )
        except RuntimeError as error:
            raise ServingError(
                grpc.StatusCode.UNAVAILABLE, "The server is shutting down."
            ) from error
        version.calls += 1
        running.add_done_callback(lambda _: version.end_call())
        # When the caller goes away its thread runs on, and so must the count of calls.
        return await asyncio.shield(running)

    def statuses(self, spec: model_pb2.ModelSpec) -> list[get_model_status_pb2.ModelVersionStatus]:
        """The states of a model's versions, newest first, or of the one that is named by number.

        Raises:
            ServingError: NOT_FOUND.
        """
        return self._model(spec.name).statuses(spec)

    async def close(self) -> None:
        """Waits for the calls that run, then unloads everything."""
        async with self._refreshing:
            await asyncio.to_thread(self._threads.shutdown)
            for model in self._models.values():
                model.unload()

    def _model(self, name: str) -> Model:
        return self._models.get(name) or Model(model_server_config_pb2.ModelConfig(name=name))

    def _check_labels(self, configs: dict[str, model_server_config_pb2.ModelConfig]) -> None:
        for name, config in configs.items():
            available = self._model(name).available
            for label, version in config.version_labels.items():
                if version not in available:
                    raise ServingError(
                        grpc.StatusCode.FAILED_PRECONDITION,
                        f"Request to assign label {label} to version {version} of model {name}, "
                        "which is not currently available for inference",
                    )

    async def _apply(self, configs: dict[str, model_server_config_pb2.ModelConfig]) -> None:
        async with self._refreshing:
            for name in self._models.keys() - configs.keys():
                self._models[name].config = model_server_config_pb2.ModelConfig(name=name)
                self._models[name].retire()
            for name, config in configs.items():
                model = self._models.setdefault(name, Model(config))
                model.config = config
                await model.refresh()
                if not model.available:
                    raise model.why_unavailable()


def _checked(
    config: model_server_config_pb2.ModelServerConfig,
) -> dict[str, model_server_config_pb2.ModelConfig]:
    """The models of a configuration by name, once it makes sense."""
    if config.WhichOneof("config") != "model_config_list":
        raise invalid_argument(
            "ServerModelConfig type not supported by HandleReloadConfigRequest. "
            "Only ModelConfigList is currently supported"
        )
    configs: dict[str, model_server_config_pb2.ModelConfig] = {}
    for model in config.model_config_list.config:
        if model.name in configs:
            raise invalid_argument(
                f"Illegal to list model {model.name} multiple times in config list"
            )
        if not _ABSOLUTE.match(model.base_path):
            raise invalid_argument(
                f"Expected model {model.name} to have an absolute path or URI; "
                f"got base_path()={model.base_path}"
            )
        if model.model_platform not in ("", _PLATFORM):
            raise invalid_argument(
                f"Model {model.name} requests unsupported platform {model.model_platform}"
            )
        configs[model.name] = model
    return configs
