"""gRPC and REST servers around one repository of models, on one event loop."""

import asyncio
import dataclasses
import os
import time
from collections.abc import Sequence

import grpc
from grpc_health.v1 import health_pb2_grpc
from tensorflow_serving.config import model_server_config_pb2

from serving.devserver.configuration.config_protos import BatchingParameters
from serving.devserver.grpc_api.health import HealthService
from serving.devserver.grpc_api.interceptor import RequestInterceptor
from serving.devserver.grpc_api.server import GrpcServer
from serving.devserver.grpc_api.services import SERVICES, add_services
from serving.devserver.limits import AnswerLimit, Limits
from serving.devserver.models.repository import ModelRepository
from serving.devserver.request_pool import RequestPool
from serving.devserver.rest_api.app import RestApp
from serving.devserver.rest_api.server import RestServer
from serving.devserver.servables.batching import Batching
from serving.devserver.servables.loading import LoadOptions

LOOPBACK = "127.0.0.1"
_GRACE_SECONDS = 10
_FAREWELL_SECONDS = 0.1
_LOOK_SECONDS = 0.01


class ModelServer:
    """Answers TF Serving's two protocols for the models of a configuration.

    Args:
        config: The models.
        host: Address to listen on.
        grpc_port: 0 for no gRPC.
        rest_port: 0 for no REST.
        max_request_bytes: A larger request is refused.
        poll_seconds: How often to look for new versions; 0 for never.
        grpc_credentials: For TLS over gRPC, see `server_credentials`. REST stays plain, as in
            TF Serving; in front of it, a reverse proxy can do TLS.
        grpc_options: Channel arguments of the gRPC server, after its own.
        rest_timeout_seconds: A REST request that takes longer is refused with 504.
        loading: How versions are loaded.
        allow_version_labels_for_unavailable_models: See `ModelRepository`.
        batching: How to answer several requests with one run of a model; None: one by one.
        prometheus_path: Where the REST port shows metrics; None: nowhere.
        limits: How much it takes on.

    Example:

    >>> server = ModelServer(single_model("mclrec", "/models/mclrec"), rest_port=8501)
    >>> await server.start()    # the model is loaded and the port is open
    >>> await server.stop()     # requests in flight have been answered
    """

    def __init__(
        self,
        config: model_server_config_pb2.ModelServerConfig,
        host: str = LOOPBACK,
        grpc_port: int = 0,
        rest_port: int = 0,
        max_request_bytes: int = 64 * 2**20,
        poll_seconds: float = 0.25,
        grpc_credentials: grpc.ServerCredentials | None = None,
        grpc_options: Sequence[tuple[str, int | str]] = (),
        rest_timeout_seconds: float = 30.0,
        loading: LoadOptions | None = None,
        allow_version_labels_for_unavailable_models: bool = False,
        batching: BatchingParameters | None = None,
        prometheus_path: str | None = None,
        limits: Limits | None = None,
    ):
        self._config = config
        self._address = (host, grpc_port, rest_port)
        self._max_request_bytes = max_request_bytes
        self._poll_seconds = poll_seconds
        self._grpc_credentials = grpc_credentials
        self._grpc_options = grpc_options
        self._rest_timeout_seconds = rest_timeout_seconds
        self._prometheus_path = prometheus_path
        self._limits = limits or Limits()
        num_threads = max(4, os.cpu_count() or 1)
        max_requests = self._limits.max_concurrent_requests
        if batching:
            # A request waits for others in a thread of its own; few of them run at a time.
            num_threads = max_requests
            loading = dataclasses.replace(loading or LoadOptions(), batching=Batching(batching))
        self._pool = RequestPool(num_threads, max_requests, is_open=False)
        self._repository = ModelRepository(
            self._pool,
            loading=loading,
            allow_version_labels_for_unavailable_models=(
                allow_version_labels_for_unavailable_models
            ),
        )
        models = [model.name for model in config.model_config_list.config]
        self._health = HealthService(self._repository, SERVICES, models)
        self._repository.on_change = self._health.notify
        self._check_inputs = AnswerLimit(self._limits.max_items_per_request).check
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
        host, grpc_port, rest_port = self._address
        try:
            if rest_port:
                self._rest = self._new_rest_server(host, rest_port)
            if grpc_port:
                self._grpc = self._new_grpc_server(host, grpc_port)
                await self._grpc.start()
            await self._repository.reload(self._config)
        except BaseException:
            await self.stop()
            raise
        self._pool.is_open = True
        self._health.start()
        if self._rest:
            await self._rest.start()
        if self._poll_seconds:
            self._polling = asyncio.create_task(
                self._repository.refresh_forever(self._poll_seconds)
            )

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
        """Drains, closes the ports and unloads.

        gRPC cancels a request that arrives at this moment.
        """
        await self.drain()
        if self._grpc:
            await self._grpc.stop()
        if self._polling:
            self._polling.cancel()
            await asyncio.wait([self._polling])
        await self._repository.close()

    def _new_grpc_server(self, host: str, port: int) -> GrpcServer:
        def add(server: grpc.aio.Server) -> None:
            add_services(server, self._repository, self._check_inputs)
            health_pb2_grpc.add_HealthServicer_to_server(self._health, server)

        return GrpcServer(
            f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            add,
            interceptors=[self._interceptor],
            limits=self._limits,
            max_request_bytes=self._max_request_bytes,
            credentials=self._grpc_credentials,
            options=self._grpc_options,
            grace_seconds=_GRACE_SECONDS,
        )

    def _new_rest_server(self, host: str, port: int) -> RestServer:
        app = RestApp(
            self._repository,
            self._pool,
            check_inputs=self._check_inputs,
            max_body_bytes=self._max_request_bytes,
            timeout_seconds=self._rest_timeout_seconds,
            metrics_path=self._prometheus_path,
        )
        return RestServer(host, port, app, self._limits, _GRACE_SECONDS)
