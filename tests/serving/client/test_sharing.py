"""One client for many threads or tasks, cancelled tasks, and what is left behind."""

import asyncio
import socket
import subprocess
import sys
import threading
from concurrent import futures
from pathlib import Path

import grpc
import pytest

from serving.client import AsyncRecommendationClient, RecommendationClient
from serving.errors import ServingError
from tests.serving.conftest import ITEMS
from tests.serving.running_server import Addresses

pytestmark = pytest.mark.integration

_ROOT = Path(__file__).resolve().parents[3]
_PROTOCOLS = ["grpc", "rest"]
_WAIT_SECONDS = 60


@pytest.mark.parametrize("protocol", _PROTOCOLS)
def test_many_threads_share_a_client(server: Addresses, protocol: str) -> None:
    histories = [ITEMS[n : n + 2] for n in range(15)]
    with RecommendationClient(getattr(server, protocol), protocol=protocol) as client:
        alone = [client.recommend(history) for history in histories]
        with futures.ThreadPoolExecutor(8) as threads:
            for answers in threads.map(lambda _: list(map(client.recommend, histories)), range(8)):
                assert answers == alone


@pytest.mark.parametrize("protocol", _PROTOCOLS)
async def test_many_tasks_share_a_client(server: Addresses, protocol: str) -> None:
    histories = [ITEMS[n : n + 2] for n in range(30)] * 5
    async with AsyncRecommendationClient(getattr(server, protocol), protocol=protocol) as client:
        answers = await asyncio.gather(*map(client.recommend, histories))
        alone = [await client.recommend(history) for history in histories[:30]]
    assert answers == alone * 5


@pytest.mark.parametrize("protocol", _PROTOCOLS)
async def test_a_client_leaves_no_tasks(server: Addresses, protocol: str) -> None:
    async with AsyncRecommendationClient(
        getattr(server, protocol), protocol=protocol, rows_per_request=1
    ) as client:
        await client.recommend_batch([[]] * 9)
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_programs_that_use_a_client_end_without_a_word(server: Addresses) -> None:
    program = f"""
import asyncio
from serving.client import AsyncRecommendationClient, RecommendationClient

async def ask(address, protocol):
    asyncio.get_running_loop().slow_callback_duration = 60  # the machine may be busy
    async with AsyncRecommendationClient(address, protocol=protocol) as client:
        await client.recommend_batch([[]] * 300)

for address, protocol in (({server.grpc!r}, "grpc"), ({server.rest!r}, "rest")):
    for _ in range(2):  # also a second event loop
        asyncio.run(ask(address, protocol))
    with RecommendationClient(address, protocol=protocol) as client:
        client.recommend_batch([[]] * 300)
"""
    ended = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error::ResourceWarning", "-c", program],
        cwd=_ROOT,
        capture_output=True,
        text=True,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


async def _cancel(client: AsyncRecommendationClient, asked: threading.Event) -> None:
    async with client:
        asking = asyncio.create_task(client.recommend_batch([["a"], ["b"]]))
        assert await asyncio.to_thread(asked.wait, _WAIT_SECONDS)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_cancelled_task_cancels_its_grpc_call() -> None:
    asked, cancelled = threading.Event(), threading.Event()

    class Handler(grpc.GenericRpcHandler):
        def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
            def wait(request: bytes, context: grpc.ServicerContext) -> bytes:
                context.add_callback(cancelled.set)
                asked.set()
                cancelled.wait(_WAIT_SECONDS)
                return b""

            return grpc.unary_unary_rpc_method_handler(wait)

    server = grpc.server(futures.ThreadPoolExecutor(4), [Handler()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        client = AsyncRecommendationClient(
            f"127.0.0.1:{port}", timeout=_WAIT_SECONDS, rows_per_request=1
        )
        await _cancel(client, asked)
        assert await asyncio.to_thread(cancelled.wait, _WAIT_SECONDS / 2)
    finally:
        server.stop(0).wait()


async def test_a_cancelled_task_closes_its_rest_connection() -> None:
    asked, gone = threading.Event(), threading.Event()

    def wait_until_it_is_gone(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            while connection.recv(10_000):
                asked.set()
            gone.set()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=wait_until_it_is_gone, args=(listening,))
        thread.start()
        client = AsyncRecommendationClient(
            f"127.0.0.1:{listening.getsockname()[1]}", protocol="rest", timeout=_WAIT_SECONDS
        )
        await _cancel(client, asked)
        assert await asyncio.to_thread(gone.wait, _WAIT_SECONDS / 2)
        thread.join()


@pytest.mark.parametrize("protocol", _PROTOCOLS)
def test_a_batch_leaves_no_threads(server: Addresses, protocol: str) -> None:
    address = getattr(server, protocol)
    with RecommendationClient(address, "unknown", protocol, rows_per_request=1) as client:
        with pytest.raises(ServingError, match="rows 0 to 0 of 20"):
            client.recommend_batch([[]] * 20)
        names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if "recommendation-client" in name]
