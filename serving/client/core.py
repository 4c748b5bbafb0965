"""All that the clients do, written once, as coroutines over a driver."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

import grpc

from serving.client import arguments
from serving.client.answers import ModelMetadata, ModelVersion, Recommendations
from serving.client.base_client import ModelConnection
from serving.client.batches import ask_in_parts
from serving.client.credentials import Tls
from serving.client.drivers import Driver
from serving.client.predict_requests import Wishes, history_question, recommendations
from serving.client.target import Target
from serving.client.vectors import need_numpy, stacked, vectors
from serving.errors import ServingError

if TYPE_CHECKING:
    import numpy as np

_Answer = TypeVar("_Answer")

_POLL_SECONDS = 0.2
_MANY = 2**31
_ITEMS_PER_REQUEST = 1_000_000  # what the local server answers at once, unless told otherwise


class ClientCore:
    """The methods of both clients.

    Args:
        driver: Does the I/O.
        target: The model.
        tls: None for an unencrypted connection.
        timeout: Seconds for a request, with all its attempts.
        max_attempts: How often a server that is UNAVAILABLE is asked.
        rows_per_request: How many histories of a batch go into a request.
        requests_in_flight: How many requests of a batch are made at once.
    """

    def __init__(
        self,
        driver: Driver,
        target: Target,
        tls: Tls | None,
        timeout: float,
        max_attempts: int,
        rows_per_request: int,
        requests_in_flight: int,
    ):
        if tls is not None and not isinstance(tls, Tls):
            raise TypeError(f"tls is {tls!r}; give a Tls")
        max_attempts = arguments.whole_number("max_attempts", max_attempts, at_least=1)
        self._timeout = arguments.seconds("timeout", timeout)
        self._rows_per_request = arguments.whole_number(
            "rows_per_request", rows_per_request, at_least=1
        )
        self._requests_in_flight = arguments.whole_number(
            "requests_in_flight", requests_in_flight, at_least=1
        )
        self._driver = driver
        self._connection = ModelConnection(driver, target, tls, max_attempts)
        self._plain_k = _MANY  # how many items the signature without options was seen to return

    async def recommend(
        self,
        history: Iterable[str],
        k: int = 10,
        exclude: Iterable[str] | None = None,
        keep_seen: bool = False,
    ) -> Recommendations:
        """The k best items to follow a history, and how many items of it the model knows.

        Args:
            history: Item ids, oldest first: a list, an array, a column, a generator. The model
                reads the last 50 and ignores ids that it does not know; of a history of which it
                knows nothing it recommends what is popular.
            k: At least 1. Fewer items are returned when the catalogue has no more.
            exclude: Items never to recommend.
            keep_seen: Whether items of the history may be recommended again.

        Raises:
            ServingError: The server refused, failed, or was not reached.
            TypeError, ValueError: An argument makes no sense. Nothing has been sent.
        """
        wishes = Wishes(
            [arguments.item_ids("history", history)],
            [[] if exclude is None else arguments.item_ids("exclude", exclude, any_order=True)],
            arguments.whole_number("k", k, at_least=1),
            arguments.flag("keep_seen", keep_seen),
        )
        return (await self._recommend(wishes))[0]

    async def recommend_batch(
        self,
        histories: Iterable[Iterable[str]],
        k: int = 10,
        exclude: Iterable[Iterable[str]] | None = None,
        keep_seen: bool = False,
    ) -> list[Recommendations]:
        """The same for any number of histories, in the order of the histories.

        They go out in requests of `rows_per_request` histories, or of fewer where k is so large
        that an answer would have more than a million items; `requests_in_flight` at once.

        Args:
            histories: As for `recommend`, one a row.
            k: As for `recommend`.
            exclude: For each history the items never to recommend.
            keep_seen: As for `recommend`.

        Raises:
            BatchError: A ServingError that says which rows it is about.
            TypeError, ValueError: An argument makes no sense. Nothing has been sent.
        """
        asked = arguments.rows("histories", histories)
        unwanted: list[list[str]] = [[]] * len(asked)
        if exclude is not None:
            unwanted = arguments.rows("exclude", exclude, any_order=True)
        if len(unwanted) != len(asked):
            raise ValueError(f"exclude has {len(unwanted)} rows for {len(asked)} histories")
        wishes = Wishes(
            asked,
            unwanted,
            arguments.whole_number("k", k, at_least=1),
            arguments.flag("keep_seen", keep_seen),
        )
        parts = await self._in_parts(
            lambda rows: self._recommend(wishes.part(rows)), len(asked), wishes.k
        )
        return [row for part in parts for row in part]

    async def user_vector(self, history: Iterable[str]) -> np.ndarray:
        """What the model makes of a history, for retrieval: float32 of shape `[dimensions]`.

        It is 0 of a history of which the model knows nothing.

        Args:
            history: As for `recommend`.

        Raises:
            ServingError: The server refused, failed, or was not reached.
            TypeError, ValueError: An argument makes no sense. Nothing has been sent.
            ModuleNotFoundError: NumPy is not installed. Nothing has been sent.
        """
        need_numpy()
        return (await self._user_vectors([arguments.item_ids("history", history)]))[0]

    async def user_vectors(self, histories: Iterable[Iterable[str]]) -> np.ndarray:
        """The same for any number of histories: float32 of shape `[histories, dimensions]`.

        Args:
            histories: As for `recommend_batch`; of none, the shape is `[0, 0]`.

        Raises:
            BatchError: A ServingError that says which rows it is about.
            TypeError, ValueError: An argument makes no sense. Nothing has been sent.
            ModuleNotFoundError: NumPy is not installed. Nothing has been sent.
        """
        need_numpy()
        asked = arguments.rows("histories", histories)
        parts = await self._in_parts(
            lambda rows: self._user_vectors(asked[rows.start : rows.stop]), len(asked)
        )
        return stacked(parts)

    async def model_status(self) -> list[ModelVersion]:
        """The versions of the model that the server knows, loaded or not.

        Raises:
            ServingError: The server refused, failed, or was not reached; NOT_FOUND: it knows none.
        """
        return await self._connection.model_status(self._deadline())

    async def model_metadata(self) -> ModelMetadata:
        """The version that answers this client, and its signatures.

        Raises:
            ServingError: The server refused, failed, or was not reached.
        """
        return await self._connection.model_metadata(self._deadline())

    async def is_ready(self) -> bool:
        """Whether the server answers for the model, asked once.

        Raises:
            ServingError: It never will: what answers speaks another protocol, or refuses.
        """
        return await self._connection.reason_not_ready(self._deadline()) is None

    async def wait_until_ready(self, timeout: float = 60.0) -> None:
        """Returns when the server answers for the model.

        Args:
            timeout: Seconds to wait at most.

        Raises:
            ServingError: DEADLINE_EXCEEDED with the last reason; or as `is_ready` raises.
            TypeError, ValueError: The timeout makes no sense.
        """
        timeout = arguments.seconds("timeout", timeout)
        end = time.monotonic() + timeout
        last = None
        while reason := await self._connection.reason_not_ready(min(end, self._deadline())):
            # When the time is up, what was known before it says more.
            if last is None or reason.code != grpc.StatusCode.DEADLINE_EXCEEDED:
                last = reason
            if time.monotonic() + _POLL_SECONDS >= end:
                raise ServingError(
                    grpc.StatusCode.DEADLINE_EXCEEDED,
                    f"not ready after {timeout:g} s, last: {last}",
                ) from last
            await self._driver.sleep(_POLL_SECONDS)

    async def close(self) -> None:
        """Ends the connection; requests in flight fail, at the latest by their timeout."""
        await self._connection.close()

    async def _in_parts(
        self, ask: Callable[[range], Awaitable[_Answer]], size: int, items_per_row: int = 1
    ) -> list[_Answer]:
        rows = min(self._rows_per_request, max(_ITEMS_PER_REQUEST // items_per_row, 1))
        return await ask_in_parts(self._driver, ask, size, rows, self._requests_in_flight)

    async def _recommend(self, wishes: Wishes) -> list[Recommendations]:
        end = self._deadline()
        if wishes.k <= self._plain_k and (question := wishes.plain_question()):
            outputs = await self._connection.predict(question, end)
            self._plain_k = len(outputs["item_ids"][0])
            if wishes.k <= self._plain_k:
                return recommendations(outputs, wishes)
        outputs = await self._connection.predict(wishes.full_question(), end)
        return recommendations(outputs, wishes)

    async def _user_vectors(self, histories: Sequence[Sequence[str]]) -> np.ndarray:
        question = history_question("user_vector", histories)
        return vectors(await self._connection.predict(question, self._deadline()))

    def _deadline(self) -> float:
        return time.monotonic() + self._timeout
