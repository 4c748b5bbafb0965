"""What a client makes of wrong arguments, and of servers that refuse, fail, or are none."""

import contextlib
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from pipeline.local_server import free_port
from serving.devserver.models.repository import single_model
from serving.errors import ServingError
from tests.serving.client.front import front
from tests.serving.client.kinds import KINDS, open_client
from tests.serving.running_server import Addresses, running_server

pytestmark = pytest.mark.integration

_REFUSALS = sorted(
    set(grpc.StatusCode) - {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}, key=lambda c: c.name
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_that_the_server_does_not_know(server: Addresses, kind: str) -> None:
    with (
        open_client(kind, server, model_name="no such/model") as client,
        pytest.raises(ServingError, match="Servable not found.* knows no model") as refused,
    ):
        client.recommend([])
    assert refused.value.code == grpc.StatusCode.NOT_FOUND
    protocol = kind.split("-")[1]
    assert f"model no such/model at {getattr(server, protocol)}" in refused.value.message


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_is_not_there(kind: str) -> None:
    address = f"127.0.0.1:{free_port()}"
    with open_client(kind, address, max_attempts=2) as client:
        with pytest.raises(ServingError, match="(?i)(refused|connect call).*asked 2") as failed:
            try:
                raise KeyError("a failure that is being handled, and is not the reason")
            except KeyError:
                client.recommend([])
        assert not client.is_ready()
    assert failed.value.code == grpc.StatusCode.UNAVAILABLE
    assert f"model mclrec at {address}" in failed.value.message


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_does_not_answer(kind: str) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        open_client(kind, f"127.0.0.1:{silent.getsockname()[1]}", timeout=0.3) as client,
        pytest.raises(ServingError, match="Deadline Exceeded after .*model mclrec at") as failed,
    ):
        client.recommend([])
    assert failed.value.code == grpc.StatusCode.DEADLINE_EXCEEDED


@contextmanager
def _server_that_never_finishes() -> Iterator[str]:
    """Answers an HTTP request byte by byte: each arrives soon, the last never in time."""
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection:
            try:
                connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                for _ in range(400):
                    if over.wait(0.05):
                        break
                    connection.sendall(b"x")
            except OSError:
                pass  # the client has gone

    def accept(listening: socket.socket) -> None:
        while not over.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=drip, args=(connection,)).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=accept, args=(listening,))
        thread.start()
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            over.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize("kind", ["blocking-rest", "asyncio-rest"])
def test_the_timeout_is_for_the_whole_answer(kind: str) -> None:
    with (
        _server_that_never_finishes() as address,
        open_client(kind, address, timeout=1) as client,
        pytest.raises(ServingError) as failed,
    ):
        client.recommend([])
    assert failed.value.code == grpc.StatusCode.DEADLINE_EXCEEDED


@pytest.mark.parametrize("kind", KINDS)
def test_an_unavailable_server_is_asked_again(server: Addresses, kind: str) -> None:
    asked: list[bytes] = []

    def fate(request: bytes) -> grpc.StatusCode | None:
        asked.append(request)
        return grpc.StatusCode.UNAVAILABLE if len(asked) < 3 else None

    with (
        front(kind.split("-")[1], server, fate) as address,
        open_client(kind, address, max_attempts=3, timeout=60) as client,
    ):
        assert len(client.recommend([])) == 10
    assert len(asked) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_no_other_failure_is_asked_again(server: Addresses, kind: str) -> None:
    asked: Counter[grpc.StatusCode] = Counter()
    refusal = grpc.StatusCode.OK

    def fate(request: bytes) -> grpc.StatusCode:
        asked[refusal] += 1
        return refusal

    with (
        front(kind.split("-")[1], server, fate) as address,
        open_client(kind, address, max_attempts=5) as client,
    ):
        for refusal in _REFUSALS:  # noqa: B007 (the front reads it)
            with pytest.raises(ServingError, match="as the test wants it"):
                client.recommend([])
    assert asked == dict.fromkeys(_REFUSALS, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_the_number_of_attempts_is_bounded(server: Addresses, kind: str) -> None:
    asked: list[bytes] = []

    def fate(request: bytes) -> grpc.StatusCode:
        asked.append(request)
        return grpc.StatusCode.UNAVAILABLE

    with front(kind.split("-")[1], server, fate) as address:
        for max_attempts, timeout, most in ((1, 60, 1), (2, 60, 2), (1000, 0.6, 3)):
            asked.clear()
            with (
                open_client(kind, address, max_attempts=max_attempts, timeout=timeout) as client,
                pytest.raises(ServingError) as failed,
            ):
                client.recommend([])
            # The pauses are at least 0.1, 0.2 and 0.4 s, and none goes beyond the timeout.
            assert 1 <= len(asked) <= most
            assert timeout < 1 or len(asked) == most
            assert failed.value.code in (
                grpc.StatusCode.UNAVAILABLE,
                *((grpc.StatusCode.DEADLINE_EXCEEDED,) if timeout < 1 else ()),
            )


@pytest.mark.parametrize("kind", ["blocking-rest", "asyncio-rest"])
def test_a_connection_that_breaks_is_unavailable(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def break_connections() -> None:
            with contextlib.suppress(OSError):  # the end of listening
                while True:
                    connection, _ = listening.accept()
                    connection.recv(100)
                    connection.close()

        thread = threading.Thread(target=break_connections)
        thread.start()
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        with (
            open_client(kind, address, max_attempts=2) as client,
            pytest.raises(ServingError, match="asked 2 times") as failed,
        ):
            client.recommend([])
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert failed.value.code == grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("kind", ["blocking-grpc", "asyncio-rest"])
def test_waits_for_a_server_to_start(base_path: Path, kind: str) -> None:
    found: list[str] = []
    protocol = kind.split("-")[1]
    ports = free_port(), free_port()
    address = f"127.0.0.1:{ports[protocol == 'rest']}"

    def wait() -> None:
        with open_client(kind, address) as client:
            client.wait_until_ready(timeout=120)
            found.extend(r.item_id for r in client.recommend([], k=3))

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.3)  # it asks in vain
    with running_server(single_model("mclrec", str(base_path)), ports):
        waiting.join()
    assert len(found) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_the_port_of_the_other_protocol(server: Addresses, kind: str) -> None:
    other = {"grpc": server.rest, "rest": server.grpc}[kind.split("-")[1]]
    with open_client(kind, other) as client:
        for ask in (lambda: client.recommend([]), client.is_ready, client.wait_until_ready):
            with pytest.raises(ServingError, match="is it the one for") as failed:
                ask()
            assert failed.value.code == grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("kind", ["blocking-rest", "asyncio-rest"])
def test_something_that_is_no_model_server(server: Addresses, kind: str) -> None:
    with (
        open_client(kind, f"http://{server.rest}/elsewhere") as client,
        pytest.raises(ServingError, match="not TF Serving's.*Not Found") as failed,
    ):
        client.recommend([])
    assert failed.value.code == grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("kind", KINDS)
def test_proxies_of_the_environment_are_ignored(
    server: Addresses, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "grpc_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv(name.upper(), "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY", "no_grpc_proxy"):
        monkeypatch.delenv(name, raising=False)
    with open_client(kind, server) as client:
        assert len(client.recommend([])) == 10


@pytest.mark.parametrize("kind", KINDS)
def test_a_closed_client_says_so(server: Addresses, kind: str) -> None:
    with open_client(kind, server) as client:
        client.recommend([])
        client.close()
        client.close()
        with pytest.raises(RuntimeError, match="the client is closed"):
            client.recommend([])
