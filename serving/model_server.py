"""gRPC and REST servers around one repository of models, on one event loop."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Iterator

import grpc
import uvicorn
from tensorflow_serving.config import model_server_config_pb2

from serving.grpc_services import add_services
from serving.repository import ModelRepository
from serving.rest import rest_app

LOOPBACK = "127.0.0.1"
_GRACE_SECONDS = 10
_KEEP_ALIVE_SECONDS = 75


class ModelServer:
    """Answers TF Serving's two protocols for the models of a configuration.

    Args:
        config: The models.
        host: Address to listen on.
        grpc_port: 0 for no gRPC.
        rest_port: 0 for no REST.
        max_request_bytes: A larger request is refused.
        poll_seconds: How often to look for new versions; 0 for never.

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
        poll_seconds: float = 1.0,
    ):
        self._config = config
        self._address = (host, grpc_port, rest_port)
        self._max_request_bytes = max_request_bytes
        self._poll_seconds = poll_seconds
        self._repository = ModelRepository(num_threads=max(4, os.cpu_count() or 1))
        self._grpc: grpc.aio.Server | None = None
        self._rest: uvicorn.Server | None = None
        self._serving_rest: asyncio.Task[None] | None = None
        self._polling: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Binds the ports, loads the models, then opens the ports.

        Raises:
            OSError: A port cannot be bound.
            ServingError: A model cannot be loaded.
        """
        host, grpc_port, rest_port = self._address
        rest_socket = _bind(host, rest_port) if rest_port else None
        self._grpc = self._new_grpc_server(host, grpc_port) if grpc_port else None
        await self._repository.start(self._config)
        if self._grpc:
            await self._grpc.start()
        if rest_socket:
            self._rest = _RestServer(self._rest_config())
            self._serving_rest = asyncio.create_task(self._rest.serve(sockets=[rest_socket]))
            while not self._rest.started and not self._serving_rest.done():
                await asyncio.sleep(0.01)
        if self._poll_seconds:
            self._polling = asyncio.create_task(
                self._repository.refresh_forever(self._poll_seconds)
            )

    async def stop(self) -> None:
        """Takes no more requests, answers those in flight for up to 10 seconds, and unloads."""
        ending: list[Awaitable[None]] = []
        if self._rest and self._serving_rest:
            self._rest.should_exit = True
            ending.append(self._serving_rest)
        if self._grpc:
            ending.append(self._grpc.stop(_GRACE_SECONDS))
        await asyncio.gather(*ending)
        if self._polling:
            self._polling.cancel()
        await self._repository.close()

    def _new_grpc_server(self, host: str, port: int) -> grpc.aio.Server:
        server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", self._max_request_bytes),
                ("grpc.max_send_message_length", -1),
                ("grpc.so_reuseport", 0),  # a port in use is an error, not a port shared
            ]
        )
        add_services(server, self._repository)
        try:
            server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        except RuntimeError as error:
            raise OSError(f"cannot listen on {host}:{port}: {error}") from error
        return server

    def _rest_config(self) -> uvicorn.Config:
        return uvicorn.Config(
            rest_app(self._repository, self._max_request_bytes),
            lifespan="off",
            ws="none",
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )


class _RestServer(uvicorn.Server):
    """Leaves the signals to the process, which has a second server to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _bind(host: str, port: int) -> socket.socket:
    """A bound socket that refuses connections until the REST server listens on it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off (40 ms an answer) only where the protocol is named.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise OSError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return bound
