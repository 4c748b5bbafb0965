"""What the standard health service tells of a server."""

import asyncio
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from pipeline.local_server import free_port
from serving.devserver.model_server import ModelServer
from serving.devserver.models.repository import single_model

pytestmark = pytest.mark.integration

_TIMEOUT = 60
_Status = health_pb2.HealthCheckResponse


def test_a_server_serves(channel: grpc.Channel) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    request = health_pb2.HealthCheckRequest()
    assert health.Check(request, timeout=_TIMEOUT).status == _Status.SERVING
    assert next(health.Watch(request, timeout=_TIMEOUT)).status == _Status.SERVING


def test_an_unknown_service_is_not_found(channel: grpc.Channel) -> None:
    request = health_pb2.HealthCheckRequest(service="none")
    with pytest.raises(grpc.RpcError) as error:
        health_pb2_grpc.HealthStub(channel).Check(request, timeout=_TIMEOUT)
    assert error.value.code() == grpc.StatusCode.NOT_FOUND


async def test_a_server_that_stops_tells_its_watchers(base_path: Path) -> None:
    port = free_port()
    server = ModelServer(single_model("mclrec", str(base_path)), grpc_port=port)
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        watched = health.Watch(health_pb2.HealthCheckRequest(), timeout=_TIMEOUT)
        assert (await watched.read()).status == _Status.SERVING
        stopping = asyncio.create_task(server.stop())
        assert (await watched.read()).status == _Status.NOT_SERVING
        watched.cancel()
        await stopping
