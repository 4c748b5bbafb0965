"""Every kind of client, for tests that hold for all of them."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any, cast

from serving.client import AsyncRecommendationClient, RecommendationClient
from tests.serving.running_server import Addresses

KINDS = ["blocking-grpc", "blocking-rest", "asyncio-grpc", "asyncio-rest"]


@contextlib.contextmanager
def open_client(
    kind: str, addresses: Addresses | str, **options: Any
) -> Iterator[RecommendationClient]:
    """A client, whose methods are called as the blocking ones, until the block ends.

    Args:
        kind: One of KINDS.
        addresses: Of a server; or the one address.
        options: More arguments of the client.
    """
    way, protocol = kind.split("-")
    address = addresses if isinstance(addresses, str) else getattr(addresses, protocol)
    if way == "blocking":
        with RecommendationClient(address, protocol=cast(Any, protocol), **options) as client:
            yield client
        return
    loop = asyncio.new_event_loop()
    asking = AsyncRecommendationClient(address, protocol=cast(Any, protocol), **options)
    try:
        yield cast(RecommendationClient, _OnLoop(asking, loop))
    finally:
        loop.run_until_complete(asking.close())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


class _OnLoop:
    def __init__(self, client: AsyncRecommendationClient, loop: asyncio.AbstractEventLoop):
        self._client = client
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        return lambda *args, **kwargs: self._loop.run_until_complete(method(*args, **kwargs))
