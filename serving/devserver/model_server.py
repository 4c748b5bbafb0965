"""gRPC and REST servers around one repository of models, on one event loop."""

import asyncio
import os
import time
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health_pb2_grpc
from tensorflow_serving.config import model_server_config_pb2

from serving.devserver.grpc_api.health import HealthService
from serving.devserver.grpc_api.interceptor import RequestInterceptor
from serving.devserver.grpc_api.server import GrpcServer
from serving.devserver.grpc_api.services import SERVICES, add_services
from serving.devserver.limits import Limits
from serving.devserver.models.repository import ModelRepository
from serving.devserver.request_pool import RequestPool
from serving.devserver.rest_api.app import RestApp
from serving.devserver.rest_api.server import RestServer

LOOPBACK = "127.0.0.1"
_GRACE_SECONDS = 10
_FAREWELL_SECONDS = 0.1
_LOOK_SECONDS = 0.01


@dataclass(eq=False)
class ModelServer:
    """Answers TF Serving's two protocols for the models of a configuration.

    Args:
        config: The models.
        host: Address to listen on.
        grpc_port: 0 for no gRPC.
        rest_port: 0 for no REST.
        limits: How much it takes on.
        poll_seconds: How often to look for new versions; 0 for never.
        replay_warmup, labels_may_be_early: See `ModelRepository`.
        prometheus_path: Where the REST port shows metrics; None: nowhere.

    Example:

    >>> from serving.devserver.model_server import ModelServer
    >>> from serving.devserver.models.repository import single_model
    >>> server = ModelServer(single_model("mclrec", "/models/mclrec"), rest_port=8501)
    >>> await server.start()    # the model is loaded and the port is open
    >>> await server.stop()     # requests in flight have been answered
    """

    config: model_server_config_pb2.ModelServerConfig
    host: str = LOOPBACK
    grpc_port: int = 0
    rest_port: int = 0
    limits: Limits = Limits()
    poll_seconds: float = 0.25
    replay_warmup: bool = True
    labels_may_be_early: bool = False
    prometheus_path: str | None = None

    def __post_init__(self) -> None:
        num_threads = max(4, os.cpu_count() or 1)
        self._pool = RequestPool(num_threads, self.limits.max_concurrent_requests, is_open=False)
        self._repository = ModelRepository(self._pool, self.replay_warmup, self.labels_may_be_early)
        models = [model.name for model in self.config.model_config_list.config]
        self._health = HealthService(self._repository, SERVICES, models)
        self._repository.on_change = self._health.notify
        self._interceptor = RequestInterceptor(self._pool, self._repository)
        self._grpc: GrpcServer | None = None
        self._rest: RestServer | None = None
        self._polling: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Opens the port of gRPC, loads the models, then opens the port of REST.

        While they load, gRPC tells the health of the server and the states of its models, and
        refuses questions as UNAVAILABLE.

        Raises:
            OSError: A port cannot be bound.
            ServingError: A model cannot be loaded.
        """
        try:
            if self.rest_port:
                self._rest = self._new_rest_server()
            if self.grpc_port:
                self._grpc = self._new_grpc_server()
                await self._grpc.start()
            await self._repository.reload(self.config)
        except BaseException:
            await self.stop()
            raise
        self._pool.is_open = True
        self._health.start()
        if self._rest:
            await self._rest.start()
        if self.poll_seconds:
            self._polling = asyncio.create_task(self._repository.refresh_forever(self.poll_seconds))

    async def reload(self, config: model_server_config_pb2.ModelServerConfig) -> None:
        """Takes over another configuration of models; see `ModelRepository.reload`."""
        await self._repository.reload(config)

    async def drain(self) -> None:
        """Takes no more requests and answers those in flight, for up to 10 seconds."""
        self._health.stop()
        self._interceptor.drain()
        end = time.monotonic() + _GRACE_SECONDS
        if self._rest:
            await self._rest.stop()
        await asyncio.sleep(_FAREWELL_SECONDS)  # those who watch the health hear of it
        while self._interceptor.requests and time.monotonic() < end:
            await asyncio.sleep(_LOOK_SECONDS)

    async def stop(self) -> None:
        """Drains, closes the ports and unloads; gRPC cancels a request that arrives meanwhile."""
        await self.drain()
        if self._grpc:
            await self._grpc.stop()
        if self._polling:
            self._polling.cancel()
            await asyncio.wait([self._polling])
        await self._repository.close()

    def _new_grpc_server(self) -> GrpcServer:
        def add(server: grpc.aio.Server) -> None:
            add_services(server, self._repository, self.limits.check_answer)
            health_pb2_grpc.add_HealthServicer_to_server(self._health, server)

        host = f"[{self.host}]" if ":" in self.host else self.host
        address = f"{host}:{self.grpc_port}"
        return GrpcServer(address, add, [self._interceptor], self.limits, _GRACE_SECONDS)

    def _new_rest_server(self) -> RestServer:
        app = RestApp(self._repository, self._pool, self.limits, self.prometheus_path)
        return RestServer(self.host, self.rest_port, app, self.limits, _GRACE_SECONDS)
