"""The two ways to do I/O: in the calling thread, and on an asyncio event loop.

All else in the client is written once, as coroutines over a driver. Those of the blocking driver
never suspend, so `finish` runs them to their end without an event loop.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent import futures
from typing import Any, Protocol, TypeVar

import grpc

from serving.client.http import HttpPool

_Answer = TypeVar("_Answer")
_Call = Callable[[], Coroutine[Any, Any, _Answer]]

_THREADS = "recommendation-client"


class Driver(Protocol):
    """Does the I/O of a client. Channels are the driver's own kind."""

    def channel(
        self, address: str, credentials: grpc.ChannelCredentials | None, options: list[Any]
    ) -> Any:
        """Opens a gRPC channel, unencrypted without credentials."""

    def http_pool(self, ssl_context: ssl.SSLContext | None) -> HttpPool:
        """Connections for HTTP, with TLS for https."""

    async def call(self, method: Any, request: Any, timeout: float) -> Any:
        """Calls a gRPC method; raises grpc.RpcError."""

    async def sleep(self, seconds: float) -> None:
        """Waits."""

    async def gather(self, calls: Sequence[_Call[_Answer]], limit: int) -> list[_Answer]:
        """The results of calls in their order, with a limit on how many run at once.

        The first failure is raised; calls that have not begun by then never do.
        """

    async def close(self, channel: Any) -> None:
        """Closes a gRPC channel."""


class BlockingDriver:
    """Does I/O in the calling thread, several calls at once in threads."""

    def channel(
        self, address: str, credentials: grpc.ChannelCredentials | None, options: list[Any]
    ) -> grpc.Channel:
        if credentials:
            return grpc.secure_channel(address, credentials, options)
        return grpc.insecure_channel(address, options)

    def http_pool(self, ssl_context: ssl.SSLContext | None) -> HttpPool:
        from serving.client.http_transport import BlockingHttpPool

        return BlockingHttpPool(ssl_context)

    async def call(self, method: Any, request: Any, timeout: float) -> Any:
        return method(request, timeout=timeout)

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    async def gather(self, calls: Sequence[_Call[_Answer]], limit: int) -> list[_Answer]:
        if len(calls) <= 1:
            return [await call() for call in calls]
        threads = futures.ThreadPoolExecutor(min(limit, len(calls)), _THREADS)
        try:
            running = [threads.submit(_begin_and_finish, call) for call in calls]
            futures.wait(running, return_when=futures.FIRST_EXCEPTION)
            threads.shutdown(wait=False, cancel_futures=True)
            return [future.result() for future in running]
        finally:
            threads.shutdown(cancel_futures=True)

    async def close(self, channel: grpc.Channel) -> None:
        channel.close()


class AsyncioDriver:
    """Does I/O on the event loop that runs then."""

    def channel(
        self, address: str, credentials: grpc.ChannelCredentials | None, options: list[Any]
    ) -> grpc.aio.Channel:
        if credentials:
            return grpc.aio.secure_channel(address, credentials, options)
        return grpc.aio.insecure_channel(address, options)

    def http_pool(self, ssl_context: ssl.SSLContext | None) -> HttpPool:
        from serving.client.async_http_transport import AsyncioHttpPool

        return AsyncioHttpPool(ssl_context)

    async def call(self, method: Any, request: Any, timeout: float) -> Any:
        return await method(request, timeout=timeout)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def gather(self, calls: Sequence[_Call[_Answer]], limit: int) -> list[_Answer]:
        if len(calls) <= 1:
            return [await call() for call in calls]
        slots = asyncio.Semaphore(limit)

        async def in_turn(call: _Call[_Answer]) -> _Answer:
            async with slots:
                return await call()

        tasks = [asyncio.create_task(in_turn(call)) for call in calls]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self, channel: grpc.aio.Channel) -> None:
        await channel.close()


def finish(coroutine: Coroutine[Any, Any, _Answer]) -> _Answer:
    """Runs a coroutine over the blocking driver to its end."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("the coroutine suspends; it is not one over the blocking driver")


def _begin_and_finish(call: _Call[_Answer]) -> _Answer:
    return finish(call())
