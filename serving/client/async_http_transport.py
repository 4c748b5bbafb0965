"""Calls over HTTP on an event loop of asyncio."""

from __future__ import annotations

import asyncio
import ssl

import aiohttp
from yarl import URL

from serving.client.calls import Answer, Call
from serving.client.rest_api import (
    KEEP_ALIVE_SECONDS,
    MAX_CONNECTIONS,
    not_connected,
    not_http,
    successful,
    took_too_long,
)


class AsyncHttpTransport:
    """Sends calls on the event loop that runs at the first of them.

    Keeps its connections, knows no proxies and follows no redirects.

    Args:
        ssl_context: For https.
    """

    def __init__(self, ssl_context: ssl.SSLContext | None):
        self._ssl_context = ssl_context
        self._session: aiohttp.ClientSession | None = None

    async def send(self, call: Call[Answer], timeout: float) -> Answer:
        """The answer to a call, within a timeout in seconds; raises a ServingError."""
        try:
            async with self._open().request(
                "GET" if call.body is None else "POST",
                URL(call.method, encoded=True),
                data=call.body,
                timeout=aiohttp.ClientTimeout(total=timeout, ceil_threshold=timeout),  # not rounded
                allow_redirects=False,
            ) as response:
                status, content = response.status, await response.read()
        except asyncio.TimeoutError as error:
            raise took_too_long() from error
        except aiohttp.ClientResponseError as error:
            raise not_http(error.message) from error
        except (aiohttp.ClientError, OSError) as error:
            raise not_connected(error) from error
        return call.read(successful(status, content))

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        """The connections, made by the first call, since they belong to the event loop of then."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    ssl=self._ssl_context or True,
                    limit=MAX_CONNECTIONS,
                    keepalive_timeout=KEEP_ALIVE_SECONDS,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=["Accept", "Accept-Encoding", "Content-Type", "User-Agent"],
            )
        return self._session
