"""Batches are split into requests, asked for side by side, and put together again."""

import threading

import grpc
import numpy as np
import pytest

from serving.client import BatchError, RecommendationClient
from tests.serving.client.front import front
from tests.serving.client.kinds import KINDS, open_client
from tests.serving.conftest import ITEMS
from tests.serving.running_server import Addresses

_HISTORIES = [ITEMS[row % 30 : row % 30 + row % 3] for row in range(50)]
_EXCLUDE = [ITEMS[:1] if row % 5 == 0 else [] for row in range(50)]
_BAD_ITEM = "the request with this item is refused"
_WAIT_SECONDS = 60


@pytest.mark.integration
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows_per_request", [1, 7, 50, 128])
def test_the_answers_are_in_the_order_of_the_histories(
    server: Addresses, kind: str, rows_per_request: int
) -> None:
    with open_client(kind, server) as client:
        together = client.recommend_batch(_HISTORIES, 3, _EXCLUDE)
        vectors = client.user_vectors(_HISTORIES)
    with open_client(kind, server, rows_per_request=rows_per_request) as client:
        parts = client.recommend_batch(_HISTORIES, 3, _EXCLUDE)
        assert [[r.item_id for r in row] for row in parts] == [
            [r.item_id for r in row] for row in together
        ]
        np.testing.assert_allclose(client.user_vectors(_HISTORIES), vectors, rtol=1e-5, atol=1e-6)


@pytest.mark.integration
def test_whole_catalogues_are_asked_for_within_what_a_server_answers_at_once(
    server: Addresses,
) -> None:
    with open_client("blocking-grpc", server) as client:
        rankings = client.recommend_batch([[]] * 5, 400_000)
        assert [len(ranking) for ranking in rankings] == [len(ITEMS)] * 5


@pytest.mark.integration
@pytest.mark.parametrize("kind", KINDS)
def test_requests_are_side_by_side_within_the_bound(server: Addresses, kind: str) -> None:
    bound, requests = 3, 9
    meeting, too_many = threading.Barrier(bound), threading.Event()
    lock = threading.Lock()
    running, sizes = 0, []

    def fate(request: bytes) -> None:
        nonlocal running
        with lock:
            running += 1
            sizes.append(request.count(b"item-5"))
            if running > bound:
                too_many.set()
        meeting.wait(_WAIT_SECONDS)  # each waits until as many as are allowed have come
        too_many.wait(0.1)
        with lock:
            running -= 1

    with (
        front(kind.split("-")[1], server, fate) as address,
        open_client(
            kind, address, rows_per_request=4, requests_in_flight=bound, timeout=_WAIT_SECONDS
        ) as client,
    ):
        answers = client.recommend_batch([["item-5"]] * 34, k=1)
    assert len(answers) == 34 and all(answers)
    assert not too_many.is_set()
    assert sorted(sizes) == [2, *[4] * (requests - 1)]


@pytest.mark.integration
@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_names_its_rows_and_ends_the_batch(server: Addresses, kind: str) -> None:
    asked: list[bytes] = []

    def fate(request: bytes) -> grpc.StatusCode | None:
        asked.append(request)
        bad = _BAD_ITEM.encode() in request
        return grpc.StatusCode.INVALID_ARGUMENT if bad else None

    histories = [*[["item-1"]] * 25, [_BAD_ITEM], *[["item-1"]] * 974]
    with (
        front(kind.split("-")[1], server, fate) as address,
        open_client(kind, address, rows_per_request=10, requests_in_flight=2) as client,
    ):
        for ask in (client.recommend_batch, client.user_vectors):
            asked.clear()
            with pytest.raises(BatchError, match="rows 20 to 29 of 1000: as the test") as failed:
                ask(histories)
            assert failed.value.code == grpc.StatusCode.INVALID_ARGUMENT
            assert failed.value.rows == range(20, 30)
            assert len(asked) < 100
        assert client.recommend(["item-1"])  # the client can still be used


@pytest.mark.integration
def test_a_batch_of_arrays(server: Addresses) -> None:
    histories = np.array([["item-1", "item-2"], ["item-3", "item-4"]])
    with RecommendationClient(server.rest, protocol="rest") as client:
        expected = client.recommend_batch(histories.tolist())
        assert client.recommend_batch(histories) == expected


def test_nothing_is_asked_for_no_histories() -> None:
    with RecommendationClient("127.0.0.1:9", max_attempts=1) as client:  # nobody listens there
        assert client.recommend_batch([]) == []
        assert client.user_vectors([]).shape == (0, 0)
