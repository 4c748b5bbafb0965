"""The server of the REST port."""

import asyncio
import contextlib
import functools
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from serving.devserver.limits import Limits
from serving.devserver.rest_api.http_protocol import LimitedHttpProtocol

_KEEP_ALIVE_SECONDS = 75


class RestServer:
    """Serves an application over HTTP.

    Args:
        host: Address to listen on.
        port: To listen on.
        app: That answers.
        limits: On connections.
        grace_seconds: How long requests in flight may take once it stops.

    Raises:
        OSError: The port cannot be bound.
    """

    def __init__(self, host: str, port: int, app: ASGIApp, limits: Limits, grace_seconds: int):
        self._socket = _bind(host, port)
        config = uvicorn.Config(
            app,
            http=functools.partial(LimitedHttpProtocol, limits=limits),  # type: ignore[arg-type]
            lifespan="off",
            ws="none",
            log_config=None,  # its own would take down all handlers of the process
            log_level="error",
            access_log=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=grace_seconds,
        )
        self._server = _Server(config)
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Opens the port."""
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started and not self._serving.done():
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Takes no more requests and answers those in flight."""
        if self._serving:
            self._server.should_exit = True
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
