"""The server of the REST port."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn

from serving.devserver.limits import Limits
from serving.devserver.models.repository import ModelRepository
from serving.devserver.request_pool import RequestPool
from serving.devserver.rest_api.app import RestApp

_KEEP_ALIVE_SECONDS = 75
_MAX_CONNECTIONS = 512
_MAX_HEAD_BYTES = 2**16


class RestServer:
    """TF Serving's REST API over HTTP.

    Args:
        host: The address to listen on.
        port: The port to listen on.
        repository: The models.
        pool: The threads that answer.
        limits: The limits of a request.

    Raises:
        OSError: The port cannot be bound.
    """

    def __init__(
        self,
        host: str,
        port: int,
        repository: ModelRepository,
        pool: RequestPool,
        limits: Limits,
    ):
        self._socket = _bind(host, port)
        self._config = uvicorn.Config(
            RestApp(repository, pool, limits),
            http="h11",  # which bounds the head of a request
            h11_max_incomplete_event_size=_MAX_HEAD_BYTES,
            limit_concurrency=_MAX_CONNECTIONS,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            lifespan="off",
            ws="none",
            log_config=None,  # its own would remove all handlers of the process
            log_level="error",
            access_log=False,
            server_header=False,
        )
        self._server = _Server(self._config)
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Opens the port."""
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started and not self._serving.done():
            await asyncio.sleep(0.01)

    async def stop(self, grace_seconds: int) -> None:
        """Takes no more requests and answers those in flight.

        Args:
            grace_seconds: The time that requests in flight may take.
        """
        self._config.timeout_graceful_shutdown = grace_seconds
        self._server.should_exit = True
        if self._serving:
            await self._serving
        self._socket.close()


class _Server(uvicorn.Server):
    """Leaves the signals to the process, which has a second server to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _bind(host: str, port: int) -> socket.socket:
    """A bound socket that refuses connections until the server listens on it."""
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
