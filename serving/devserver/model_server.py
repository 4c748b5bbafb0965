"""gRPC and REST servers around one repository of models, on one event loop."""

import asyncio
import os
from dataclasses import dataclass

from tensorflow_serving.config import model_server_config_pb2

from serving.devserver.grpc_api.server import GrpcServer
from serving.devserver.limits import Limits
from serving.devserver.models.repository import ModelRepository
from serving.devserver.request_log.request_log import RequestLog
from serving.devserver.request_pool import RequestPool
from serving.devserver.rest_api.server import RestServer

_GRACE_SECONDS = 10


@dataclass(eq=False)
class ModelServer:
    """Serves the models of a configuration over TF Serving's two protocols.

    Args:
        config: The models.
        host: The address to listen on.
        grpc_port: The port of gRPC; 0 for no gRPC.
        rest_port: The port of REST; 0 for no REST.
        limits: How much the server takes on.
        poll_seconds: The time between two looks for new versions; 0 for never.
        labels_may_be_early: See `ModelRepository`.
        request_log: Where requests are logged; by default nowhere.

    Example:

    >>> from serving.devserver.model_server import ModelServer
    >>> from serving.devserver.models.repository import single_model
    >>> server = ModelServer(single_model("mclrec", "/models/mclrec"), rest_port=8501)
    >>> await server.start()    # the model is loaded and the port is open
    >>> await server.stop()     # requests in flight have been answered
    """

    config: model_server_config_pb2.ModelServerConfig
    host: str = "127.0.0.1"
    grpc_port: int = 0
    rest_port: int = 0
    limits: Limits = Limits()
    poll_seconds: float = 0.25
    labels_may_be_early: bool = False
    request_log: RequestLog | None = None

    def __post_init__(self) -> None:
        num_threads = max(4, os.cpu_count() or 1)
        self._pool = RequestPool(num_threads, self.limits.max_concurrent_requests)
        self._request_log = self.request_log or RequestLog()
        self._repository = ModelRepository(self._pool, self.labels_may_be_early, self._request_log)
        self._grpc: GrpcServer | None = None
        self._rest: RestServer | None = None
        self._polling: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Loads the models, then opens the ports.

        Raises:
            OSError: A port cannot be bound, or the folder of the request log not be written to.
            ServingError: A model cannot be loaded.
        """
        try:
            self._request_log.start()
            await self._repository.reload(self.config)
            if self.grpc_port:
                host = f"[{self.host}]" if ":" in self.host else self.host
                address = f"{host}:{self.grpc_port}"
                self._grpc = GrpcServer(address, self._repository, self.limits)
                await self._grpc.start()
            if self.rest_port:
                self._rest = RestServer(
                    self.host, self.rest_port, self._repository, self._pool, self.limits
                )
                await self._rest.start()
        except BaseException:
            await self.stop()
            raise
        if self.poll_seconds:
            self._polling = asyncio.create_task(self._repository.refresh_forever(self.poll_seconds))

    async def reload(self, config: model_server_config_pb2.ModelServerConfig) -> None:
        """Takes over another configuration of models; see `ModelRepository.reload`."""
        await self._repository.reload(config)

    async def stop(self) -> None:
        """Takes no more requests, answers those in flight for up to 10 seconds, and unloads."""
        stopping = []
        if self._grpc:
            stopping.append(self._grpc.stop(_GRACE_SECONDS))
        if self._rest:
            stopping.append(self._rest.stop(_GRACE_SECONDS))
        await asyncio.gather(*stopping)
        if self._polling:
            self._polling.cancel()
            await asyncio.wait([self._polling])
        await self._repository.close()
        await asyncio.to_thread(self._request_log.close)
