"""The server of the gRPC port."""

import asyncio
import logging
from collections.abc import Callable, Sequence

import grpc

from serving.devserver.limits import Limits

_LOOK_SECONDS = 0.2
_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),  # a port in use is an error, not a port shared
    # A peer that has vanished is noticed, and one that pings often is not punished for it.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.max_connection_idle_ms", 300_000),
)

_log = logging.getLogger(__name__)


class GrpcServer:
    """Serves services over gRPC, and begins anew when gRPC breaks down.

    One request with a method that is not UTF-8 ends a server of `grpc.aio` for good
    (`_server_main_loop` decodes it, and nothing catches the error). The calls that it had accepted
    are still answered then; those that come before the next look wait no longer than that.

    Args:
        address: Host and port to listen on.
        add_services: Adds what answers to a server of `grpc.aio`.
        interceptors: Of the server.
        limits: On connections and the size of a request.
        grace_seconds: How long requests in flight may take once it stops.
    """

    def __init__(
        self,
        address: str,
        add_services: Callable[[grpc.aio.Server], None],
        interceptors: Sequence[grpc.aio.ServerInterceptor],
        limits: Limits,
        grace_seconds: float,
    ):
        self._grace_seconds = grace_seconds
        self._address = address
        self._add_services = add_services
        self._interceptors = interceptors
        self._options = (
            *_OPTIONS,
            ("grpc.max_receive_message_length", limits.max_request_bytes),
            ("grpc.max_allowed_incoming_connections", limits.max_connections),
            # More than are answered at a time, so that others are refused and do not wait unseen.
            ("grpc.max_concurrent_streams", 4 * limits.max_concurrent_requests),
            ("grpc.server_handshake_timeout_ms", round(limits.slow_client_seconds * 1000)),
        )
        self._server: grpc.aio.Server | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Binds the port and answers.

        Raises:
            OSError: The port cannot be bound.
        """
        self._server = await self._started()
        self._watching = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Takes no more requests and answers those in flight."""
        if self._watching:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        self._end()
        await asyncio.gather(*self._ending)

    async def _started(self) -> grpc.aio.Server:
        server = grpc.aio.server(interceptors=self._interceptors, options=self._options)
        self._add_services(server)
        try:
            server.add_insecure_port(self._address)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {self._address}: {error}") from error
        await server.start()
        return server

    async def _watch(self) -> None:
        while self._server:
            try:
                await self._server.wait_for_termination(_LOOK_SECONDS)
            except Exception as error:
                _log.error("gRPC broke down and is started again: %r", error)
                self._end()
                self._server = await self._restarted()

    async def _restarted(self) -> grpc.aio.Server:
        while True:
            try:
                return await self._started()
            except OSError as error:
                _log.error("%s", error)
                await asyncio.sleep(_LOOK_SECONDS)

    def _end(self) -> None:
        if self._server:
            ending = asyncio.create_task(self._server.stop(self._grace_seconds))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
            self._server = None
