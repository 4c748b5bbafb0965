"""Calls over HTTP in the calling thread.

httpcore limits the time of each read and each write. Here a whole call has one time limit: instead
of seconds, the streams below httpcore take the time when it has to be over.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore

from serving.client.calls import Answer, Call
from serving.client.rest_api import (
    KEEP_ALIVE_SECONDS,
    MAX_CONNECTIONS,
    not_connected,
    not_http,
    successful,
    took_too_long,
)


class HttpTransport:
    """Sends calls in the calling thread. Safe to use from several threads.

    Keeps its connections, knows no proxies and follows no redirects.

    Args:
        ssl_context: For https.
    """

    def __init__(self, ssl_context: ssl.SSLContext | None):
        self._pool = httpcore.ConnectionPool(
            ssl_context,
            max_connections=MAX_CONNECTIONS,
            keepalive_expiry=KEEP_ALIVE_SECONDS,
            network_backend=_DeadlineBackend(),
        )

    def send(self, call: Call[Answer], timeout: float) -> Answer:
        """The answer to a call, within a timeout in seconds; raises a ServingError."""
        deadline = time.monotonic() + timeout
        deadlines = {"connect": deadline, "read": deadline, "write": deadline}
        try:
            response = self._pool.request(
                "GET" if call.body is None else "POST",
                call.method,
                content=call.body,
                extensions={"timeout": {"pool": timeout, **deadlines}},
            )
        except httpcore.TimeoutException as error:
            raise took_too_long() from error
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            reason = str(error) or type(error).__name__
            # "illegal" is h11's word for what is not HTTP/1.1.
            raise (not_http if "illegal" in reason else not_connected)(reason) from error
        return call.read(successful(response.status, response.content))

    def close(self) -> None:
        self._pool.close()


class _DeadlineBackend(httpcore.NetworkBackend):
    """Opens connections whose `timeout` arguments are deadlines by `time.monotonic()`."""

    def __init__(self) -> None:
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
        for position, (*_, address) in enumerate(found, 1):
            try:
                stream = self._backend.connect_tcp(
                    str(address[0]), port, _seconds_until(timeout), local_address, socket_options
                )
                return _DeadlineStream(stream)
            except httpcore.ConnectError:
                if position == len(found):
                    raise
        raise httpcore.ConnectError(f"{host} has no address")


class _DeadlineStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream):
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _seconds_until(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _seconds_until(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, _seconds_until(timeout))
        return _DeadlineStream(stream)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _seconds_until(deadline: float | None) -> float:
    """Seconds, more than 0, which a socket would take for "do not wait".

    Raises:
        httpcore.ReadTimeout: There are none left.
    """
    assert deadline is not None  # `send` gives every call its deadlines
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise httpcore.ReadTimeout
    return seconds
