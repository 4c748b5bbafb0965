"""Servers for tests that ask them from outside."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from concurrent import futures
from typing import NamedTuple

import grpc

from pipeline.local_server import free_port
from serving.devserver.model_server import ModelServer

_SECONDS = 300


class Addresses(NamedTuple):
    grpc: str
    rest: str


@contextlib.contextmanager
def running_server(config, ports: tuple[int, int] | None = None, **options) -> Iterator[Addresses]:
    """Serves a configuration until the block ends, at ports for gRPC and REST or at free ones."""
    ports = ports or (free_port(), free_port())
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def wait_for(coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(_SECONDS)

    async def start() -> ModelServer:
        server = ModelServer(config, grpc_port=ports[0], rest_port=ports[1], **options)
        await server.start()
        return server

    try:
        server = wait_for(start())
        try:
            yield Addresses(*(f"127.0.0.1:{port}" for port in ports))
        finally:
            wait_for(server.stop())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextlib.contextmanager
def grpc_server(
    handler: grpc.GenericRpcHandler, tls: grpc.ServerCredentials | None = None
) -> Iterator[str]:
    """The address of a gRPC server whose every method is the handler's, until the block ends."""
    server = grpc.server(futures.ThreadPoolExecutor(32), [handler])
    address = "127.0.0.1:0"
    port = server.add_secure_port(address, tls) if tls else server.add_insecure_port(address)
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()
