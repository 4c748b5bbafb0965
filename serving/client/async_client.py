"""The client for asyncio.

Each of its methods does what the one of the same name does in `sync_client.py`, and awaits what
that one waits for.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

import grpc

from serving.client import arguments
from serving.client.answers import BatchError, ModelMetadata, ModelVersion, Recommendations
from serving.client.base_client import (
    OF_OTHER_WIDTH,
    BaseClient,
    Wait,
    what_there_is,
    why_nothing_is_known,
)
from serving.client.calls import Answer, Call, seconds_until
from serving.client.grpc_transport import AsyncGrpcTransport
from serving.client.predict_requests import (
    PredictRequest,
    SimilarItemsRequest,
    best_of,
    history_request,
    need_numpy,
    stacked,
    vectors,
)
from serving.client.recommend_request import RecommendRequest
from serving.errors import ServingError

if TYPE_CHECKING:
    import numpy as np

    from serving.client.async_http_transport import AsyncHttpTransport

_Part = TypeVar("_Part")


class AsyncRecommendationClient(BaseClient):
    """Recommends items from histories of raw item ids, for asyncio.

    Any number of tasks of one event loop, that of the first call, may use it; a task that is
    cancelled cancels its request.

    Args:
        address: This and all others as for `RecommendationClient`.

    Example:

    >>> async with AsyncRecommendationClient("127.0.0.1:8500") as client:
    ...     await client.recommend(["bread", "butter"], k=1)
    [Recommendation(item_id='jam', score=3.25)]
    """

    _transport: AsyncGrpcTransport | AsyncHttpTransport

    async def recommend(
        self,
        history: Iterable[str],
        k: int = 10,
        exclude: Iterable[str] | None = None,
        keep_seen: bool = False,
        *,
        candidates: Iterable[str] | None = None,
        candidate_set: str | None = None,
    ) -> Recommendations:
        """As `RecommendationClient.recommend`."""
        request = RecommendRequest.of_history(
            history, k, exclude, keep_seen, candidates, candidate_set
        )
        return (await self._recommend(request))[0]

    async def recommend_batch(
        self,
        histories: Iterable[Iterable[str]],
        k: int = 10,
        exclude: Iterable[Iterable[str]] | None = None,
        keep_seen: bool = False,
        *,
        candidates: Iterable[Iterable[str]] | None = None,
        candidate_set: str | None = None,
    ) -> list[Recommendations]:
        """As `RecommendationClient.recommend_batch`."""
        request = RecommendRequest.of_histories(
            histories, k, exclude, keep_seen, candidates, candidate_set
        )
        parts = await self._in_parts(
            lambda rows: self._recommend(request.part(rows)),
            len(request.histories),
            request.items_per_row,
        )
        return [row for part in parts for row in part]

    async def rank(self, history: Iterable[str], items: Iterable[str]) -> Recommendations:
        """As `RecommendationClient.rank`."""
        return (await self._recommend(RecommendRequest.of_ranking(history, items)))[0]

    async def similar_items(self, items: Iterable[str], k: int = 10) -> list[Recommendations]:
        """As `RecommendationClient.similar_items`."""
        request = SimilarItemsRequest.of_items(items, k)
        parts = await self._in_parts(
            lambda rows: self._similar_items(request.part(rows), request.k),
            len(request.items),
            request.k,
        )
        return [row for part in parts for row in part]

    async def user_vector(self, history: Iterable[str]) -> np.ndarray:
        """As `RecommendationClient.user_vector`."""
        need_numpy()
        return (await self._user_vectors([arguments.item_ids("history", history)]))[0]

    async def user_vectors(self, histories: Iterable[Iterable[str]]) -> np.ndarray:
        """As `RecommendationClient.user_vectors`."""
        need_numpy()
        ids = arguments.rows("histories", histories)
        parts = await self._in_parts(
            lambda rows: self._user_vectors(ids[rows.start : rows.stop]), len(ids)
        )
        return stacked(parts)

    async def model_status(self) -> list[ModelVersion]:
        """As `RecommendationClient.model_status`."""
        return await self._send(self._api.model_status(), self._deadline())

    async def model_metadata(self) -> ModelMetadata:
        """As `RecommendationClient.model_metadata`."""
        return await self._send(self._api.model_metadata(), self._deadline())

    async def is_ready(self) -> bool:
        """As `RecommendationClient.is_ready`."""
        return await self._why_not_ready(self._deadline()) is None

    async def wait_until_ready(self, timeout: float = 60.0) -> None:
        """As `RecommendationClient.wait_until_ready`."""
        wait = Wait(arguments.seconds("timeout", timeout))
        while reason := await self._why_not_ready(min(wait.deadline, self._deadline())):
            wait.go_on(reason)
            await asyncio.sleep(wait.POLL_SECONDS)

    async def close(self) -> None:
        """As `RecommendationClient.close`."""
        self._closed = True
        await self._transport.close()

    async def __aenter__(self) -> AsyncRecommendationClient:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def _recommend(self, request: RecommendRequest) -> list[Recommendations]:
        deadline = self._deadline()

        async def ask(width: int) -> list[Recommendations]:
            of_width = request._replace(width=width)
            if request.k <= self._default_k and (plain := of_width.without_options()):
                outputs = await self._send(self._api.predict(plain), deadline)
                self._default_k = len(outputs["item_ids"][0])
                if request.k <= self._default_k:
                    return of_width.answers(outputs)
            call = self._api.predict(of_width.with_options())
            return of_width.answers(await self._send(call, deadline))

        return await self._with_width(ask, deadline)

    async def _similar_items(self, request: PredictRequest, k: int) -> list[Recommendations]:
        outputs = await self._send(self._api.predict(request), self._deadline())
        return best_of(outputs, k, [1] * len(request.inputs["item"]))

    async def _user_vectors(self, histories: list[list[str]]) -> np.ndarray:
        deadline = self._deadline()

        async def ask(width: int) -> np.ndarray:
            request = history_request("user_vector", histories, width)
            return vectors(await self._send(self._api.predict(request), deadline))

        return await self._with_width(ask, deadline)

    async def _with_width(self, ask: Callable[[int], Awaitable[_Part]], deadline: float) -> _Part:
        """What is answered to histories of the width of the export, which may have become another.

        The first request of a client asks for it, and so does one that is refused.
        """
        width = self._width or await self._read_width(deadline)
        try:
            return await ask(width)
        except ServingError as error:
            other = await self._other_width(width, error, deadline)
            if other is None:
                raise
        return await ask(other)

    async def _other_width(self, width: int, error: ServingError, deadline: float) -> int | None:
        """The width of the export, if it is not the one with which a request was refused."""
        if error.code not in OF_OTHER_WIDTH:
            return None
        try:
            now = await self._read_width(deadline)
        except ServingError:  # the error of the request says more
            return None
        return None if now == width else now

    async def _read_width(self, deadline: float) -> int:
        return self._take_width(await self._send(self._api.model_metadata(), deadline))

    async def _in_parts(
        self, ask: Callable[[range], Awaitable[_Part]], size: int, items_per_row: int = 1
    ) -> list[_Part]:
        """The answers for the parts of a batch; after a failure no part is begun any more."""
        parts = self._parts(size, items_per_row)
        slots = asyncio.Semaphore(self._requests_in_flight)

        async def ask_part(rows: range) -> _Part:
            async with slots:
                try:
                    return await ask(rows)
                except ServingError as error:
                    raise BatchError(rows, size, error) from error

        tasks = [asyncio.create_task(ask_part(rows)) for rows in parts]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _why_not_ready(self, deadline: float) -> ServingError | None:
        """What still keeps the model from answering, if anything does; asked once."""
        try:
            self._take_width(await self._send(self._api.model_metadata(), deadline, max_attempts=1))
        except ServingError as error:
            if self._may_become_ready(error):
                return error
            raise
        return None

    async def _send(
        self, call: Call[Answer], deadline: float, max_attempts: int | None = None
    ) -> Answer:
        """The answer to a call, sent again while the server is not there."""
        attempts = self._attempts(deadline, max_attempts)
        while True:
            self._check_open()
            try:
                return await self._transport.send(call, attempts.next_timeout())
            except ServingError as error:
                pause = attempts.pause_after(error)
                if pause is None:
                    not_found = error.code == grpc.StatusCode.NOT_FOUND
                    versions = await self._versions(deadline) if not_found else ""
                    raise attempts.final_error(error, str(self._target), versions) from error
            await asyncio.sleep(pause)

    async def _versions(self, deadline: float) -> str:
        """What there is, in words, after a request that did not find what it asked for."""
        try:
            return what_there_is(
                await self._transport.send(self._api.model_status(), seconds_until(deadline))
            )
        except ServingError as error:
            return why_nothing_is_known(error)

    def _grpc_transport(self, credentials: grpc.ChannelCredentials | None) -> AsyncGrpcTransport:
        return AsyncGrpcTransport(self._target.address, credentials)

    def _http_transport(self, ssl_context: ssl.SSLContext | None) -> AsyncHttpTransport:
        # Imported only where it is needed, since the library takes a while.
        from serving.client.async_http_transport import AsyncHttpTransport

        return AsyncHttpTransport(ssl_context)
