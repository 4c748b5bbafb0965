"""The blocking client and the asyncio client: one class of settings, two ways to wait."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, Concatenate, Literal, ParamSpec, TypeVar

from serving.client.core import ClientCore
from serving.client.credentials import Tls
from serving.client.drivers import AsyncioDriver, BlockingDriver, Driver, finish
from serving.client.target import Target

_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")
_CoreMethod = Callable[Concatenate[ClientCore, _Arguments], Coroutine[Any, Any, _Answer]]

Protocol = Literal["grpc", "rest"]


class _Client:
    _new_driver: ClassVar[type[BlockingDriver] | type[AsyncioDriver]]

    def __init__(
        self,
        address: str,
        model_name: str = "mclrec",
        protocol: Protocol = "grpc",
        timeout: float = 10.0,
        *,
        version: int | None = None,
        version_label: str | None = None,
        tls: Tls | None = None,
        max_attempts: int = 3,
        rows_per_request: int = 128,
        requests_in_flight: int = 4,
    ):
        driver: Driver = self._new_driver()
        target = Target(address, model_name, protocol, version, version_label)
        self._core = ClientCore(
            driver, target, tls, timeout, max_attempts, rows_per_request, requests_in_flight
        )


def _blocking(
    method: _CoreMethod[_Arguments, _Answer],
) -> Callable[Concatenate[_Client, _Arguments], _Answer]:
    @functools.wraps(method)
    def run(client: _Client, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Answer:
        return finish(method(client._core, *args, **kwargs))

    return run


def _awaited(
    method: _CoreMethod[_Arguments, _Answer],
) -> Callable[Concatenate[_Client, _Arguments], Coroutine[Any, Any, _Answer]]:
    @functools.wraps(method)
    async def run(client: _Client, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Answer:
        return await method(client._core, *args, **kwargs)

    return run


class RecommendationClient(_Client):
    """Recommends items from histories of raw item ids. Safe to use from several threads.

    Args:
        address: `host:port`; for REST also a URL that ends before `/v1`.
        model_name: As the server knows it.
        protocol: "grpc" or "rest".
        timeout: Seconds for a request, from the first attempt to the end of the answer. Each of
            the requests that a batch is split into has this time.
        version: Ask this version; the server takes the newest otherwise.
        version_label: Ask the version that has this label, such as "canary".
        tls: Encrypts the connection; REST does it also for an https URL.
        max_attempts: How often to ask a server that is UNAVAILABLE (connection refused, 503), with
            growing pauses, within the timeout. Nothing else is asked twice.
        rows_per_request: How many histories of a batch go into a request, at most.
        requests_in_flight: How many requests of a batch are made at once.

    Raises:
        TypeError, ValueError: An argument makes no sense.
        OSError: A file of `tls` cannot be read.

    Example:

    >>> with RecommendationClient("127.0.0.1:8501", protocol="rest") as client:
    ...     answer = client.recommend(["bread", "butter"], k=1)
    >>> answer
    [Recommendation(item_id='jam', score=3.25)]
    >>> answer.known_items, answer.history_items
    (2, 2)
    """

    _new_driver = BlockingDriver

    recommend = _blocking(ClientCore.recommend)
    recommend_batch = _blocking(ClientCore.recommend_batch)
    user_vector = _blocking(ClientCore.user_vector)
    user_vectors = _blocking(ClientCore.user_vectors)
    model_status = _blocking(ClientCore.model_status)
    model_metadata = _blocking(ClientCore.model_metadata)
    is_ready = _blocking(ClientCore.is_ready)
    wait_until_ready = _blocking(ClientCore.wait_until_ready)
    close = _blocking(ClientCore.close)

    def __enter__(self) -> RecommendationClient:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class AsyncRecommendationClient(_Client):
    """The same for asyncio. Any number of tasks of one event loop, that of the first call, may
    use it; a task that is cancelled cancels its request.

    Args:
        address: This and all others as for `RecommendationClient`.

    Example:

    >>> async with AsyncRecommendationClient("127.0.0.1:8500") as client:
    ...     await client.recommend(["bread", "butter"], k=1)
    [Recommendation(item_id='jam', score=3.25)]
    """

    _new_driver = AsyncioDriver

    recommend = _awaited(ClientCore.recommend)
    recommend_batch = _awaited(ClientCore.recommend_batch)
    user_vector = _awaited(ClientCore.user_vector)
    user_vectors = _awaited(ClientCore.user_vectors)
    model_status = _awaited(ClientCore.model_status)
    model_metadata = _awaited(ClientCore.model_metadata)
    is_ready = _awaited(ClientCore.is_ready)
    wait_until_ready = _awaited(ClientCore.wait_until_ready)
    close = _awaited(ClientCore.close)

    async def __aenter__(self) -> AsyncRecommendationClient:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()
