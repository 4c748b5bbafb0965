"""What REST does beyond the recorded answers: limits, encodings, names from outside."""

import gzip
import json
import socket
import statistics
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from serving.devserver.limits import Limits
from serving.devserver.models.repository import single_model
from tests.serving.conftest import ITEMS, K
from tests.serving.running_server import Addresses, running_server
from tests.serving.stand_in import HISTORY_LENGTH

pytestmark = pytest.mark.integration

_REQUEST = {"inputs": [[ITEMS[0], *[""] * (HISTORY_LENGTH - 1)]]}


@pytest.fixture
def client(server: Addresses) -> httpx.Client:
    with httpx.Client(base_url=f"http://{server.rest}/v1/models") as client:
        yield client


def test_both_formats_give_the_same_answer(client: httpx.Client) -> None:
    by_column = client.post("/mclrec:predict", json=_REQUEST).json()["outputs"]
    rows = {"instances": [{"history": row} for row in _REQUEST["inputs"]]}
    [by_row] = client.post("/mclrec:predict", json=rows).json()["predictions"]
    assert by_row["item_ids"] == by_column["item_ids"][0]
    assert by_row["scores"] == by_column["scores"][0]
    assert len(by_row["item_ids"]) == K


def test_a_packed_body_is_unpacked(client: httpx.Client) -> None:
    packed = gzip.compress(json.dumps(_REQUEST).encode())
    answer = client.post("/mclrec:predict", content=packed, headers={"Content-Encoding": "gzip"})
    assert answer.json() == client.post("/mclrec:predict", json=_REQUEST).json()


def test_a_body_that_only_claims_to_be_packed_is_refused(client: httpx.Client) -> None:
    answer = client.post("/mclrec:predict", content=b"{}", headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 400 and "not gzip" in answer.json()["error"]


def test_a_large_body_is_refused_packed_or_not(base_path) -> None:
    body = json.dumps({"inputs": [["x" * 100_000]]}).encode()
    config = single_model("mclrec", str(base_path))
    with (
        running_server(config, limits=Limits(max_request_bytes=50_000)) as server,
        httpx.Client(base_url=f"http://{server.rest}/v1/models") as client,
    ):
        for content, headers in (
            (body, {}),
            (gzip.compress(body), {"Content-Encoding": "gzip"}),
            (iter([body]), {}),  # chunked, without a Content-Length
        ):
            answer = client.post("/mclrec:predict", content=content, headers=headers)
            assert answer.status_code == 413
            assert answer.json() == {"error": "Request body is larger than 50000 bytes"}
        assert client.post("/mclrec:predict", json=_REQUEST).status_code == 200


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"[" * 500_000, "nested too deeply"),
        (b"[" * 900 + b"1" + b"]" * 900, "dimensions"),
        (b'{"a":' * 900 + b"1" + b"}" * 900, "list/array"),
        (b"[" + b"[]," * 1_000_000 + b"1]", "more than 1000000 values"),
        (b"[" + b'{"a":1},' * 600_000 + b"1]", "more than 1000000 values"),
        (b"1" * 1_000_000, "too big"),
        (b'"' + b"x" * 1_000_000 + b'"', "list/array"),
    ],
    ids=["deep", "deep and whole", "deep object", "lists", "objects", "number", "string"],
)
def test_a_body_that_would_become_huge_is_refused(
    client: httpx.Client, value: bytes, message: str
) -> None:
    answer = client.post("/mclrec:predict", content=b'{"instances":' + value + b"}", timeout=60)
    assert answer.status_code == 400
    assert message in answer.json()["error"] and len(answer.content) < 1000


@pytest.mark.parametrize(
    "path",
    [
        "/..%2f..%2fetc%2fpasswd",
        "/%00",
        "/%ff%fe",
        "/mclrec/versions/99999999999999999999",
        "/mclrec/versions/" + "9" * 5000,
        "/mclrec/labels/none:predict",
        "/mclrec?name=x",
        "/mclrec:predict:predict",
        "/" + "x" * 10_000,
    ],
)
def test_a_name_from_outside_is_only_looked_up(client: httpx.Client, path: str) -> None:
    answer = client.post(path, json=_REQUEST) if "predict" in path else client.get(path)
    assert answer.status_code in (400, 404)
    assert list(answer.json()) == ["error"]


def test_the_body_is_read_before_the_model_is_looked_for(client: httpx.Client) -> None:
    assert client.post("/none:predict", content="{").status_code == 400
    assert client.post("/none:predict", content="{}").status_code == 404


def test_preflight_requests_of_a_browser_are_accepted(client: httpx.Client) -> None:
    answer = client.options("/mclrec:predict", headers={"Origin": "https://shop.example"})
    assert answer.status_code == 200


def test_an_answer_is_not_held_back_by_the_network(client: httpx.Client) -> None:
    """Nagle's algorithm would add 40 ms to each, once a connection is no longer new."""
    seconds = [
        client.post("/mclrec:predict", json=_REQUEST).elapsed.total_seconds() for _ in range(80)
    ]
    assert statistics.median(seconds[40:]) < 0.03


def test_requests_at_the_same_time_get_their_own_answers(client: httpx.Client) -> None:
    def ask(item: str) -> list[str]:
        question = {"inputs": [[item, *[""] * (HISTORY_LENGTH - 1)]]}
        return client.post("/mclrec:predict", json=question).json()["outputs"]["item_ids"][0]

    alone = [ask(item) for item in ITEMS]
    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(ask, ITEMS)) == alone


def test_a_caller_that_hangs_up_harms_nobody(server: Addresses, client: httpx.Client) -> None:
    host, port = server.rest.split(":")
    for part in (b"POST /v1/models/mclrec:predict HTTP/1.1\r\nContent-Length: 99\r\n\r\n{", b"\0"):
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(part)
    assert client.post("/mclrec:predict", json=_REQUEST).status_code == 200
