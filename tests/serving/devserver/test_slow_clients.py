"""Clients that are slow, silent, or many; everyone else must not notice them."""

import contextlib
import http.client
import json
import re
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import httpx
import pytest
from tensorflow_serving.apis import prediction_service_pb2_grpc

from serving.devserver.limits import Limits
from serving.devserver.models.repository import single_model
from tests.serving.devserver.patient import history, predict_request
from tests.serving.running_server import Addresses, running_server
from tests.serving.stand_in import write_export

pytestmark = pytest.mark.integration

_MODEL = "mclrec"
_PREDICT = f"/v1/models/{_MODEL}:predict"
_METRICS = "/metrics"
_SLOW_SECONDS = 1.0
_TIMEOUT = 60
_ROWS = 500
_LONG_ITEMS = [f"{number:01000}" for number in range(20)]

_HEAD = f"POST {_PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
_GOOD = f"GET /v1/models/{_MODEL} HTTP/1.1\r\nHost: localhost\r\n\r\n"
# What slow clients have sent before they fall silent.
_BEGINNINGS = {
    "nothing": "",
    "an empty line": "\r\n",
    "half a head": _HEAD,
    "half a header": _HEAD + "X-Long: x",
    "half a body": _HEAD + "\r\n{",
    "a request and half of the next": _GOOD + _HEAD,
    "a chunk": f"POST {_PREDICT} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{{\r\n",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    path = tmp_path_factory.mktemp("models") / _MODEL
    write_export(path / "1", _LONG_ITEMS)
    limits = Limits(slow_client_seconds=_SLOW_SECONDS, max_connections=300)
    config = single_model(_MODEL, str(path))
    with running_server(config, limits=limits, prometheus_path=_METRICS) as addresses:
        yield addresses


def test_200_slow_clients_are_cut_off_and_nobody_else_waits(server: Addresses) -> None:
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(_connect(server.rest)) for _ in range(196)]
        for connection, beginning in zip(slow, 28 * list(_BEGINNINGS.values()), strict=True):
            connection.sendall(beginning.encode())
        slow += [stack.enter_context(_connect(server.grpc)) for _ in range(4)]
        _ask_over_both(server, times=20)
        _wait_until_closed(slow)
        _ask_over_both(server, times=1)


def test_a_slow_request_is_answered_before_it_is_cut_off(server: Addresses) -> None:
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(_connect(server.rest)) for _ in range(4)]
        beginnings = ("half a head", "half a header", "half a body", "a chunk")
        for connection, beginning in zip(slow, beginnings, strict=True):
            connection.sendall(_BEGINNINGS[beginning].encode())
        for connection in slow:
            head, _, body = _read_all(connection).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
            assert json.loads(body) == {"error": "Request Timeout"}


def test_a_trickle_gives_no_more_time(server: Addresses) -> None:
    with contextlib.ExitStack() as stack:
        used, *slow = (stack.enter_context(_connect(server.rest)) for _ in range(4))
        _ask(used)
        beginnings = ("nothing", "half a header", "half a body")
        for connection, beginning in zip(slow, beginnings, strict=True):
            connection.sendall(_BEGINNINGS[beginning].encode())
        trickles = {used: b"\r\n", slow[0]: b"\r\n", slow[1]: b"x", slow[2]: b"x"}
        deadline = time.monotonic() + _TIMEOUT
        while trickles:
            assert time.monotonic() < deadline, "still connected"
            time.sleep(0.1)
            for connection, trickle in list(trickles.items()):
                try:
                    connection.sendall(trickle)
                except OSError:
                    del trickles[connection]


def test_a_client_that_is_slow_within_the_limit_is_served(server: Addresses) -> None:
    body = json.dumps({"inputs": history()})
    request = _HEAD.replace("1000", str(len(body))) + "Connection: close\r\n\r\n" + body
    with _connect(server.rest) as connection:
        for place in range(0, len(request), 50):
            connection.sendall(request[place : place + 50].encode())
            time.sleep(0.001)
        assert _read_all(connection).startswith(b"HTTP/1.1 200 OK\r\n")


def test_an_idle_connection_may_be_used_again_after_the_time_for_a_request(
    server: Addresses,
) -> None:
    with _connect(server.rest) as connection:
        for pause in (1.5 * _SLOW_SECONDS, 0):
            _ask(connection)
            time.sleep(pause)


def test_a_client_that_takes_no_answer_is_cut_off_and_holds_nobody_up(server: Addresses) -> None:
    body = json.dumps({"inputs": history(rows=_ROWS)})
    request = _HEAD.replace("1000", str(len(body))) + "\r\n" + body
    before = _cut_off(server)
    with contextlib.ExitStack() as stack:
        slow = []
        for _ in range(3):
            slow.append(stack.enter_context(_connect(server.rest, receive_bytes=4096)))
            slow[-1].sendall(request.encode())
            assert slow[-1].recv(1)  # it is being answered
        _ask_over_both(server, times=20)
        size = len(httpx.post(f"http://{server.rest}{_PREDICT}", content=body).content)
        assert size > _ROWS * len(_LONG_ITEMS) * len(_LONG_ITEMS[0])
        _wait_until(lambda: _cut_off(server) >= before + len(slow))
        for connection in slow:  # what the kernel had taken is there, and no more
            assert len(_read_all(connection)) < size


@pytest.mark.parametrize(
    "beginning",
    [
        _HEAD + "X-Long: ",
        _HEAD + "X: y\r\n" * 1000,
        f"POST {_PREDICT}",
        _BEGINNINGS["a chunk"] + "0\r\nX-Long: ",
        _BEGINNINGS["a chunk"] + "1;x=",
    ],
    ids=["value", "headers", "path", "trailer", "chunk extension"],
)
def test_a_head_without_end_is_refused(server: Addresses, beginning: str) -> None:
    with _connect(server.rest) as connection:
        connection.sendall(beginning.encode())
        sent = 0
        answer = threading.Thread(target=lambda: answers.append(_read_all(connection)))
        answers: list[bytes] = []
        answer.start()
        with contextlib.suppress(OSError):
            while sent < 2**25 and answer.is_alive():
                sent += connection.send(b"X" * 2**14)
        assert sent < 2**25
        answer.join()


def test_at_too_many_connections_the_longest_silent_one_goes(base_path: Path) -> None:
    config = single_model(_MODEL, str(base_path))
    with (
        running_server(config, limits=Limits(max_connections=10)) as server,
        contextlib.ExitStack() as stack,
    ):
        silent = [stack.enter_context(_connect(server.rest)) for _ in range(30)]
        _wait_until_closed(silent[:20])
        _ask_over_both(server, times=1)
        _wait_until_closed(silent[20:21])


def _connect(address: str, receive_bytes: int | None = None) -> socket.socket:
    host, port = address.split(":")
    connection = socket.socket()
    if receive_bytes:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.settimeout(_TIMEOUT)
    connection.connect((host, int(port)))
    return connection


def _ask(connection: socket.socket) -> None:
    connection.sendall(_GOOD.encode())
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    assert answer.status == 200 and answer.read()


def _ask_over_both(server: Addresses, times: int) -> None:
    with (
        httpx.Client(base_url=f"http://{server.rest}", timeout=_TIMEOUT) as rest,
        grpc.insecure_channel(server.grpc) as channel,
    ):
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        for _ in range(times):
            assert rest.post(_PREDICT, json={"inputs": history()}).status_code == 200
            assert stub.Predict(predict_request(_MODEL, history()), timeout=_TIMEOUT).outputs


def _cut_off(server: Addresses) -> float:
    """How many slow clients the server has counted."""
    page = httpx.get(f"http://{server.rest}{_METRICS}", timeout=_TIMEOUT).text
    found = re.search(r'^mclrec\S+refused_total\{reason="slow_client"\} (\S+)', page, re.MULTILINE)
    return float(found[1]) if found else 0


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _TIMEOUT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _read_all(connection: socket.socket) -> bytes:
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(2**16):
            parts.append(part)
    return b"".join(parts)


def _wait_until_closed(connections: list[socket.socket]) -> None:
    deadline = time.monotonic() + _TIMEOUT
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection, selectors.EVENT_READ)
        while selector.get_map():
            assert time.monotonic() < deadline, f"{len(selector.get_map())} are still open"
            for key, _ in selector.select(1):
                try:
                    is_open = bool(key.fileobj.recv(2**16))
                except ConnectionResetError:
                    is_open = False
                if not is_open:
                    selector.unregister(key.fileobj)
