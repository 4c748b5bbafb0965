"""The models of a server."""

import asyncio
import logging
import os
from collections.abc import Callable
from typing import TypeVar

import grpc
from tensorflow_serving.apis import get_model_status_pb2, model_pb2
from tensorflow_serving.config import model_server_config_pb2

from serving.devserver.configuration.model_configs import PLATFORM, checked_models
from serving.devserver.models.model import Model
from serving.devserver.models.version import Version
from serving.devserver.request_log.request_log import RequestLog
from serving.devserver.request_pool import RequestPool
from serving.devserver.servables.servable import Servable
from serving.errors import ServingError, invalid_argument

_Answer = TypeVar("_Answer")

_log = logging.getLogger(__name__)


def single_model(
    name: str, base_path: str | os.PathLike[str]
) -> model_server_config_pb2.ModelServerConfig:
    """The configuration of a server with one model, whose newest version is served.

    Args:
        name: The name of the model in requests.
        base_path: The absolute path of the folder that holds a numbered folder for each version.
    """
    config = model_server_config_pb2.ModelServerConfig()
    config.model_config_list.config.add(
        name=name, base_path=os.fspath(base_path), model_platform=PLATFORM
    )
    return config


class ModelRepository:
    """Loads, swaps and unloads models while requests are answered.

    Args:
        pool: The threads that calls run in.
        labels_may_be_early: Whether a new label may name a version that is not loaded. Moving a
            label always takes a version that is loaded, as requests would otherwise fail for a
            while.
        request_log: The log that follows the configuration; by default there is none.

    Example:

    >>> from serving.devserver.models.repository import ModelRepository, single_model
    >>> from serving.devserver.request_pool import RequestPool
    >>> from serving.devserver.servables.predict import predict_request
    >>> from tensorflow_serving.apis.model_pb2 import ModelSpec
    >>> repository = ModelRepository(RequestPool(num_threads=4, max_requests=100))
    >>> await repository.reload(single_model("mclrec", "/models/mclrec"))
    >>> await repository.call(ModelSpec(name="mclrec"), predict_request, request)
    """

    def __init__(
        self,
        pool: RequestPool,
        labels_may_be_early: bool = False,
        request_log: RequestLog | None = None,
    ):
        self._pool = pool
        self.request_log = request_log or RequestLog()
        self._labels_may_be_early = labels_may_be_early
        self._models: dict[str, Model] = {}
        self._faults: dict[str, str] = {}
        self._changing = asyncio.Lock()

    def known_name(self, name: str) -> str:
        """The name of a model that is configured; "" instead of any other."""
        return name if name in self._models else ""

    async def reload(self, config: model_server_config_pb2.ModelServerConfig) -> None:
        """Takes over a configuration, the first or another; returns when its models answer.

        Args:
            config: All models that are served from now on.

        Raises:
            ServingError: The configuration is wrong, a label names a version that is not
                available, or a new model has no version that can be loaded. Nothing has changed
                then.
        """
        configs = checked_models(config)
        async with self._changing:
            self._check_labels(configs)
            self.request_log.logs_of(configs)  # refuses what cannot be followed
            new = await self._load_new(configs)
            for name in self._models.keys() - configs.keys():
                self._models.pop(name).unload()
            self._models.update(new)
            for name, model in self._models.items():
                model.config = configs[name]
            self.request_log.follow(configs)
            await self._refresh_models()

    async def refresh(self) -> None:
        """Loads the versions that are wanted now and unloads those that are not.

        A model whose base path cannot be read stays as it is; the reason is logged once.
        """
        async with self._changing:
            await self._refresh_models()

    async def refresh_forever(self, seconds: float) -> None:
        """Refreshes at an interval until it is cancelled."""
        while True:
            await asyncio.sleep(seconds)
            await self.refresh()

    async def call(
        self, spec: model_pb2.ModelSpec, function: Callable[..., _Answer], *args: object
    ) -> _Answer:
        """Calls a function on the servable that a request names, in the pool.

        Args:
            spec: The model that the request names, with a version, a label or neither.
            function: A function of the servable and of `args`.
            args: More arguments of the function.

        Raises:
            ServableNotFound: There is no such servable.
            Refused: The pool is full.
            ServingError: The function raised it.
        """
        version = self._find(spec)
        answer = self._pool.submit(function, version.servable, *args, ended=version.end_call)
        version.calls += 1
        return await answer

    def servable(self, spec: model_pb2.ModelSpec) -> Servable:
        """The servable that a request names, to be looked at before the next `await`.

        Raises:
            ServableNotFound: There is no such servable.
        """
        servable = self._find(spec).servable
        assert servable  # an available version has one
        return servable

    def statuses(self, spec: model_pb2.ModelSpec) -> list[get_model_status_pb2.ModelVersionStatus]:
        """The states of a model's versions, newest first, or of the one that is named by number.

        Raises:
            ServingError: NOT_FOUND, there is no such model or version.
        """
        return self._model(spec.name).statuses(spec)

    async def close(self) -> None:
        """Waits for the calls that run, then unloads everything. Calls that wait are dropped."""
        async with self._changing:
            await asyncio.to_thread(self._pool.close)
            for model in self._models.values():
                model.unload()

    def _find(self, spec: model_pb2.ModelSpec) -> Version:
        if not spec.name:
            raise invalid_argument("ModelSpec has no name specified.")
        return self._model(spec.name).find(spec)

    def _model(self, name: str) -> Model:
        return self._models.get(name) or Model(model_server_config_pb2.ModelConfig(name=name))

    def _check_labels(self, configs: dict[str, model_server_config_pb2.ModelConfig]) -> None:
        for name, config in configs.items():
            model = self._model(name)
            for label, version in config.version_labels.items():
                is_moved = model.config.version_labels.get(label, version) != version
                may_be_early = self._labels_may_be_early and not is_moved
                if version not in model.available and not may_be_early:
                    raise ServingError(
                        grpc.StatusCode.FAILED_PRECONDITION,
                        f"Request to assign label {label} to version {version} of model {name}, "
                        "which is not currently available for inference. Load the version first; "
                        "a label that is not in use yet may also be assigned early if the server "
                        "is started with --allow_version_labels_for_unavailable_models",
                    )

    async def _load_new(
        self, configs: dict[str, model_server_config_pb2.ModelConfig]
    ) -> dict[str, Model]:
        """The models of a configuration that do not answer yet, loaded."""
        new = {
            name: Model(config)
            for name, config in configs.items()
            if not self._model(name).available
        }
        try:
            while missing := [model for model in new.values() if not model.available]:
                await asyncio.gather(*(model.refresh() for model in missing))
                for model in missing:
                    if not model.available and (failure := model.failure()):
                        raise failure
            return new
        except BaseException:
            for model in new.values():
                model.unload()
            raise

    async def _refresh_models(self) -> None:
        faults = await asyncio.gather(
            *(model.refresh() for model in self._models.values()), return_exceptions=True
        )
        for name, fault in zip(self._models, faults, strict=True):
            if fault and str(fault) != self._faults.get(name):
                _log.error("model %s stays as it is: %s", name, fault)
            self._faults[name] = str(fault)
