"""HTTP in the calling thread.

httpcore's time limits are for each read and each write. Here the network below it keeps one limit
for the whole request.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterable
from typing import Any

import httpcore

from serving.client.http import (
    KEEP_ALIVE_SECONDS,
    MAX_CONNECTIONS,
    HttpRequest,
    HttpResponse,
    NotHttp,
)


class BlockingHttpPool:
    """An HttpPool whose coroutines never suspend.

    Args:
        ssl_context: For https.
    """

    def __init__(self, ssl_context: ssl.SSLContext | None):
        self._deadline = _Deadline()
        self._pool = httpcore.ConnectionPool(
            ssl_context,
            max_connections=MAX_CONNECTIONS,
            keepalive_expiry=KEEP_ALIVE_SECONDS,
            network_backend=_DeadlineBackend(self._deadline),
        )

    async def request(self, request: HttpRequest, timeout: float) -> HttpResponse:
        self._deadline.set(timeout)
        try:
            response = self._pool.request(
                request.method,
                request.url,
                content=request.content,
                extensions={"timeout": {"pool": timeout}},
            )
        except httpcore.TimeoutException as error:
            raise TimeoutError from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            if "illegal" in str(error):  # h11's word for what is not HTTP/1.1
                raise NotHttp(str(error)) from error
            raise OSError(str(error) or type(error).__name__) from error
        return HttpResponse(response.status, response.content)

    async def close(self) -> None:
        self._pool.close()


class _Deadline(threading.local):
    """When the request that the current thread makes has to be over."""

    _end = 0.0

    def set(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds, more than 0.

        Raises:
            httpcore.ReadTimeout: There are none left.
        """
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            raise httpcore.ReadTimeout
        return seconds


class _DeadlineBackend(httpcore.NetworkBackend):
    """Blocking connections on which nothing takes longer than the deadline of the thread.

    Args:
        deadline: Set before each request.
    """

    def __init__(self, deadline: _Deadline):
        self._deadline = deadline
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(error) from error
        # One at a time: for a name, each of its addresses would have the whole time.
        for place, (*_, address) in enumerate(found, 1):
            try:
                stream = self._backend.connect_tcp(
                    str(address[0]), port, self._deadline.left(), local_address, socket_options
                )
                return _Stream(stream, self._deadline)
            except httpcore.ConnectError:
                if place == len(found):
                    raise
        raise httpcore.ConnectError(f"{host} has no address")


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline):
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left())
        return _Stream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
