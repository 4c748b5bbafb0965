"""HTTP on an event loop of asyncio."""

from __future__ import annotations

import asyncio
import ssl
from functools import cached_property

import aiohttp
from yarl import URL

from serving.client.http import (
    KEEP_ALIVE_SECONDS,
    MAX_CONNECTIONS,
    HttpRequest,
    HttpResponse,
    NotHttp,
)


class AsyncioHttpPool:
    """An HttpPool for the event loop that runs at the first request.

    Args:
        ssl_context: For https.
    """

    def __init__(self, ssl_context: ssl.SSLContext | None):
        self._ssl_context = ssl_context

    @cached_property
    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=self._ssl_context or True,
                limit=MAX_CONNECTIONS,
                keepalive_timeout=KEEP_ALIVE_SECONDS,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=["Accept", "Accept-Encoding", "Content-Type", "User-Agent"],
        )

    async def request(self, request: HttpRequest, timeout: float) -> HttpResponse:
        limit = aiohttp.ClientTimeout(total=timeout, ceil_threshold=timeout)  # not rounded up
        try:
            async with self._session.request(
                request.method,
                URL(request.url, encoded=True),
                data=request.content or None,
                timeout=limit,
                allow_redirects=False,
            ) as response:
                return HttpResponse(response.status, await response.read())
        except asyncio.TimeoutError as error:
            raise TimeoutError from error
        except aiohttp.ClientResponseError as error:
            raise NotHttp(error.message) from error
        except aiohttp.ClientError as error:
            raise OSError(str(error)) from error

    async def close(self) -> None:
        if "_session" in self.__dict__:
            await self._session.close()
