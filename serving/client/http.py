"""What the REST transport needs of an HTTP library."""

from __future__ import annotations

from typing import NamedTuple, Protocol

MAX_CONNECTIONS = 100
KEEP_ALIVE_SECONDS = 30.0  # less than servers keep an idle connection open


class HttpRequest(NamedTuple):
    """What to send: a method, an encoded URL and a body."""

    method: str
    url: str
    content: bytes


class HttpResponse(NamedTuple):
    """What came back."""

    status: int
    content: bytes


class NotHttp(Exception):
    """What answers does not speak HTTP/1.1."""


class HttpPool(Protocol):
    """Connections that are kept for the next request. Knows no proxies and follows no redirects."""

    async def request(self, request: HttpRequest, timeout: float) -> HttpResponse:
        """Sends a request and reads the answer.

        Args:
            request: What to send.
            timeout: Seconds for all of it, from the wait for a connection to the last byte.

        Raises:
            NotHttp: The answer is none in HTTP/1.1.
            OSError: No connection, or it broke.
            TimeoutError: It took too long.
        """

    async def close(self) -> None:
        """Closes the connections."""
