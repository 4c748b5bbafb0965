"""The client that blocks."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable
from concurrent import futures
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
from serving.client.grpc_transport import GrpcTransport
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

    from serving.client.http_transport import HttpTransport

_Part = TypeVar("_Part")

_THREADS = "recommendation-client"


class RecommendationClient(BaseClient):
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

    _transport: GrpcTransport | HttpTransport

    def recommend(
        self,
        history: Iterable[str],
        k: int = 10,
        exclude: Iterable[str] | None = None,
        keep_seen: bool = False,
        *,
        candidates: Iterable[str] | None = None,
        candidate_set: str | None = None,
    ) -> Recommendations:
        """The k best items to follow a history, and how many items of it the model knows.

        Args:
            history: Item ids, oldest first: a list, an array, a column, a generator. The model
                reads the last ones, 50 unless its export says more, and ignores ids that it does
                not know; of a history of which it knows nothing it recommends what is popular.
            k: At least 1. Fewer items are returned when the catalogue has no more.
            exclude: Items never to recommend.
            keep_seen: Whether items of the history may be recommended again.
            candidates: Recommend none but these items (100,000 are tested); of an empty list none.
            candidate_set: Recommend none but the items of this item set, which was registered with
                the export, such as "in stock"; with `candidates`, the items of both.

        Raises:
            ServingError: The server refused, failed, or was not reached.
            TypeError, ValueError: An argument makes no sense. Nothing has been sent.
        """
        request = RecommendRequest.of_history(
            history, k, exclude, keep_seen, candidates, candidate_set
        )
        return self._recommend(request)[0]

    def recommend_batch(
        self,
        histories: Iterable[Iterable[str]],
        k: int = 10,
        exclude: Iterable[Iterable[str]] | None = None,
        keep_seen: bool = False,
        *,
        candidates: Iterable[Iterable[str]] | None = None,
        candidate_set: str | None = None,
    ) -> list[Recommendations]:
        """The same for any number of histories, in the order of the histories.

        They go out in requests of `rows_per_request` histories, or of fewer where k is so large
        that an answer would have more than a million items; `requests_in_flight` at once.

        Args:
            histories: As for `recommend`, one a row.
            k: As for `recommend`.
            exclude: For each history the items never to recommend.
            keep_seen: As for `recommend`.
            candidates: For each history the only items to recommend.
            candidate_set: As for `recommend`, the same for all histories.

        Raises:
            BatchError: A ServingError that says which rows it is about.
            TypeError, ValueError: An argument makes no sense. Nothing has been sent.
        """
        request = RecommendRequest.of_histories(
            histories, k, exclude, keep_seen, candidates, candidate_set
        )
        parts = self._in_parts(
            lambda rows: self._recommend(request.part(rows)),
            len(request.histories),
            request.items_per_row,
        )
        return [row for part in parts for row in part]

    def rank(self, history: Iterable[str], items: Iterable[str]) -> Recommendations:
        """Given items in the order in which they are likely to follow a history, with their scores.

        Args:
            history: As for `recommend`. Items of it are ranked like others.
            items: Those that the model does not know are left out. 100,000 are tested.

        Raises:
            ServingError: The server refused, failed, or was not reached.
            TypeError, ValueError: An argument makes no sense. Nothing has been sent.
        """
        return self._recommend(RecommendRequest.of_ranking(history, items))[0]

    def similar_items(self, items: Iterable[str], k: int = 10) -> list[Recommendations]:
        """The items nearest to each of some items; their scores are cosines, 1 at most.

        Args:
            items: Item ids. An answer of one that the model does not know is empty, and its
                `known_items` is 0.
            k: At least 1, for each item. It is not among its own.

        Raises:
            BatchError: A ServingError that says which rows it is about.
            TypeError, ValueError: An argument makes no sense. Nothing has been sent.
        """
        request = SimilarItemsRequest.of_items(items, k)
        parts = self._in_parts(
            lambda rows: self._similar_items(request.part(rows), request.k),
            len(request.items),
            request.k,
        )
        return [row for part in parts for row in part]

    def user_vector(self, history: Iterable[str]) -> np.ndarray:
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
        return self._user_vectors([arguments.item_ids("history", history)])[0]

    def user_vectors(self, histories: Iterable[Iterable[str]]) -> np.ndarray:
        """The same for any number of histories: float32 of shape `[histories, dimensions]`.

        Args:
            histories: As for `recommend_batch`; of none, the shape is `[0, 0]`.

        Raises:
            BatchError: A ServingError that says which rows it is about.
            TypeError, ValueError: An argument makes no sense. Nothing has been sent.
            ModuleNotFoundError: NumPy is not installed. Nothing has been sent.
        """
        need_numpy()
        ids = arguments.rows("histories", histories)
        parts = self._in_parts(
            lambda rows: self._user_vectors(ids[rows.start : rows.stop]), len(ids)
        )
        return stacked(parts)

    def model_status(self) -> list[ModelVersion]:
        """The versions of the model that the server knows, loaded or not.

        Raises:
            ServingError: The server refused, failed, or was not reached; NOT_FOUND: it knows none.
        """
        return self._send(self._api.model_status(), self._deadline())

    def model_metadata(self) -> ModelMetadata:
        """The version that answers this client, and its signatures.

        Raises:
            ServingError: The server refused, failed, or was not reached.
        """
        return self._send(self._api.model_metadata(), self._deadline())

    def is_ready(self) -> bool:
        """Whether the server answers for the model, asked once.

        Raises:
            ServingError: It never will: what answers speaks another protocol, or refuses.
        """
        return self._why_not_ready(self._deadline()) is None

    def wait_until_ready(self, timeout: float = 60.0) -> None:
        """Returns when the server answers for the model.

        Args:
            timeout: Seconds to wait at most.

        Raises:
            ServingError: DEADLINE_EXCEEDED with the last reason; or as `is_ready` raises.
            TypeError, ValueError: The timeout makes no sense.
        """
        wait = Wait(arguments.seconds("timeout", timeout))
        while reason := self._why_not_ready(min(wait.deadline, self._deadline())):
            wait.go_on(reason)
            time.sleep(wait.POLL_SECONDS)

    def close(self) -> None:
        """Ends the connection; requests in flight fail, at the latest by their timeout."""
        self._closed = True
        self._transport.close()

    def __enter__(self) -> RecommendationClient:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _recommend(self, request: RecommendRequest) -> list[Recommendations]:
        deadline = self._deadline()

        def ask(width: int) -> list[Recommendations]:
            of_width = request._replace(width=width)
            if request.k <= self._default_k and (plain := of_width.without_options()):
                outputs = self._send(self._api.predict(plain), deadline)
                self._default_k = len(outputs["item_ids"][0])
                if request.k <= self._default_k:
                    return of_width.answers(outputs)
            call = self._api.predict(of_width.with_options())
            return of_width.answers(self._send(call, deadline))

        return self._with_width(ask, deadline)

    def _similar_items(self, request: PredictRequest, k: int) -> list[Recommendations]:
        outputs = self._send(self._api.predict(request), self._deadline())
        return best_of(outputs, k, [1] * len(request.inputs["item"]))

    def _user_vectors(self, histories: list[list[str]]) -> np.ndarray:
        deadline = self._deadline()

        def ask(width: int) -> np.ndarray:
            request = history_request("user_vector", histories, width)
            return vectors(self._send(self._api.predict(request), deadline))

        return self._with_width(ask, deadline)

    def _with_width(self, ask: Callable[[int], _Part], deadline: float) -> _Part:
        """What is answered to histories of the width of the export, which may have become another.

        The first request of a client asks for it, and so does one that is refused.
        """
        width = self._width or self._read_width(deadline)
        try:
            return ask(width)
        except ServingError as error:
            other = self._other_width(width, error, deadline)
            if other is None:
                raise
        return ask(other)

    def _other_width(self, width: int, error: ServingError, deadline: float) -> int | None:
        """The width of the export, if it is not the one with which a request was refused."""
        if error.code not in OF_OTHER_WIDTH:
            return None
        try:
            now = self._read_width(deadline)
        except ServingError:  # the error of the request says more
            return None
        return None if now == width else now

    def _read_width(self, deadline: float) -> int:
        return self._take_width(self._send(self._api.model_metadata(), deadline))

    def _in_parts(
        self, ask: Callable[[range], _Part], size: int, items_per_row: int = 1
    ) -> list[_Part]:
        """The answers for the parts of a batch; after a failure no part is begun any more."""

        def ask_part(rows: range) -> _Part:
            try:
                return ask(rows)
            except ServingError as error:
                raise BatchError(rows, size, error) from error

        parts = self._parts(size, items_per_row)
        if len(parts) <= 1:
            return [ask_part(rows) for rows in parts]
        threads = futures.ThreadPoolExecutor(min(self._requests_in_flight, len(parts)), _THREADS)
        try:
            running = [threads.submit(ask_part, rows) for rows in parts]
            futures.wait(running, return_when=futures.FIRST_EXCEPTION)
            threads.shutdown(wait=False, cancel_futures=True)
            return [future.result() for future in running]
        finally:
            threads.shutdown(cancel_futures=True)

    def _why_not_ready(self, deadline: float) -> ServingError | None:
        """What still keeps the model from answering, if anything does; asked once."""
        try:
            self._take_width(self._send(self._api.model_metadata(), deadline, max_attempts=1))
        except ServingError as error:
            if self._may_become_ready(error):
                return error
            raise
        return None

    def _send(self, call: Call[Answer], deadline: float, max_attempts: int | None = None) -> Answer:
        """The answer to a call, sent again while the server is not there."""
        attempts = self._attempts(deadline, max_attempts)
        while True:
            self._check_open()
            try:
                return self._transport.send(call, attempts.next_timeout())
            except ServingError as error:
                pause = attempts.pause_after(error)
                if pause is None:
                    not_found = error.code == grpc.StatusCode.NOT_FOUND
                    versions = self._versions(deadline) if not_found else ""
                    raise attempts.final_error(error, str(self._target), versions) from error
            time.sleep(pause)

    def _versions(self, deadline: float) -> str:
        """What there is, in words, after a request that did not find what it asked for."""
        try:
            return what_there_is(
                self._transport.send(self._api.model_status(), seconds_until(deadline))
            )
        except ServingError as error:
            return why_nothing_is_known(error)

    def _grpc_transport(self, credentials: grpc.ChannelCredentials | None) -> GrpcTransport:
        return GrpcTransport(self._target.address, credentials)

    def _http_transport(self, ssl_context: ssl.SSLContext | None) -> HttpTransport:
        from serving.client.http_transport import HttpTransport  # the library only where needed

        return HttpTransport(ssl_context)
