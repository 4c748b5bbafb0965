"""What the standard health service tells of a server, from its start to its end."""

import asyncio
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    model_management_pb2,
    model_service_pb2_grpc,
    prediction_log_pb2,
    prediction_service_pb2_grpc,
)

from mclrec_tf.export.checksums import write_checksums
from serving.devserver.model_server import ModelServer
from serving.devserver.models.repository import single_model
from serving.export_contract import WARMUP_FILE
from tests.serving.conftest import ITEMS
from tests.serving.devserver.patient import Patient, history, predict_request, waiting_for
from tests.serving.running_server import free_port, running_server
from tests.serving.stand_in import write_export

pytestmark = pytest.mark.integration

_TIMEOUT = 60
_SERVICES = ["", "tensorflow.serving.PredictionService", "tensorflow.serving.ModelService"]
_Status = health_pb2.HealthCheckResponse


def _check(channel: grpc.Channel, service: str) -> int:
    request = health_pb2.HealthCheckRequest(service=service)
    # A server that has just begun may not listen yet.
    return (
        health_pb2_grpc.HealthStub(channel)
        .Check(request, timeout=_TIMEOUT, wait_for_ready=True)
        .status
    )


def _watch(channel: grpc.Channel, service: str) -> Iterator[_Status]:
    request = health_pb2.HealthCheckRequest(service=service)
    return health_pb2_grpc.HealthStub(channel).Watch(request, timeout=_TIMEOUT)


@pytest.mark.parametrize("service", [*_SERVICES, "mclrec"])
def test_a_server_its_services_and_its_model_serve(channel: grpc.Channel, service: str) -> None:
    assert _check(channel, service) == _Status.SERVING
    assert next(_watch(channel, service)).status == _Status.SERVING


@pytest.mark.parametrize("service", ["none", "tensorflow.serving", "mclrec/1"])
def test_what_there_is_not_is_unknown(channel: grpc.Channel, service: str) -> None:
    with pytest.raises(grpc.RpcError) as error:
        _check(channel, service)
    assert error.value.code() == grpc.StatusCode.NOT_FOUND
    assert next(_watch(channel, service)).status == _Status.SERVICE_UNKNOWN


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "patient"
    write_export(path / "1", ITEMS[:5], model_type=Patient)
    return path


def test_a_server_that_loads_its_model_does_not_serve(tmp_path: Path, patient: Path) -> None:
    path, go_on, port = tmp_path / "patient", tmp_path / "go on", free_port()
    shutil.copytree(patient, path)
    warmup = prediction_log_pb2.PredictionLog()
    warmup.predict_log.request.CopyFrom(predict_request("patient", waiting_for(go_on)))
    with tf.io.TFRecordWriter(str(path / "1" / WARMUP_FILE)) as writer:
        writer.write(warmup.SerializeToString())
    write_checksums(str(path / "1"))
    loaded, done = threading.Event(), threading.Event()

    def serve() -> None:
        with running_server(single_model("patient", str(path)), ports=(port, free_port())):
            loaded.set()
            done.wait(_TIMEOUT)

    serving = threading.Thread(target=serve)
    serving.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            for service in (*_SERVICES, "patient"):
                assert _check(channel, service) == _Status.NOT_SERVING
            watched = _watch(channel, "patient")
            assert next(watched).status == _Status.NOT_SERVING
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            request = predict_request("patient", history())
            with pytest.raises(grpc.RpcError) as error:
                stub.Predict(request, timeout=_TIMEOUT)
            assert error.value.code() == grpc.StatusCode.UNAVAILABLE
            assert not loaded.is_set()

            go_on.touch()
            assert next(watched).status == _Status.SERVING
            for service in (*_SERVICES, "patient"):
                assert _check(channel, service) == _Status.SERVING
            assert stub.Predict(request, timeout=_TIMEOUT).outputs
    finally:
        go_on.touch()
        done.set()
        serving.join()


async def test_a_server_that_answers_its_last_requests_does_not_serve(
    tmp_path: Path, patient: Path
) -> None:
    go_on, port, rest_port = tmp_path / "go on", free_port(), free_port()
    server = ModelServer(
        single_model("patient", str(patient)),
        grpc_port=port,
        rest_port=rest_port,
        prometheus_path="/metrics",
    )
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            health = health_pb2_grpc.HealthStub(channel)
            watched = health.Watch(health_pb2.HealthCheckRequest(), timeout=_TIMEOUT)
            assert (await watched.read()).status == _Status.SERVING
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            last = stub.Predict(predict_request("patient", waiting_for(go_on)), timeout=_TIMEOUT)
            async with httpx.AsyncClient() as client:
                page = ""
                while "requests_in_flight 1.0" not in page:
                    page = (await client.get(f"http://127.0.0.1:{rest_port}/metrics")).text

            stopping = asyncio.create_task(server.stop())
            assert (await watched.read()).status == _Status.NOT_SERVING
            checked = await health.Check(health_pb2.HealthCheckRequest(), timeout=_TIMEOUT)
            assert checked.status == _Status.NOT_SERVING
            go_on.touch()
            assert (await last).outputs
            await stopping
    finally:
        go_on.touch()


def test_watchers_are_told_of_the_end_and_do_not_hold_it_up(base_path: Path) -> None:
    with running_server(single_model("mclrec", str(base_path))) as server:
        channel = grpc.insecure_channel(server.grpc)
        leaving = _watch(channel, "mclrec")
        watched = [_watch(channel, service) for service in ("", "mclrec", "mclrec", "none")]
        assert next(leaving).status == _Status.SERVING
        assert [next(watch).status for watch in watched] == [
            *[_Status.SERVING] * 3,
            _Status.SERVICE_UNKNOWN,
        ]
        leaving.cancel()  # after which the others of its service are still told
    with channel:
        told = [[answer.status for answer in watch] for watch in watched]
        assert told == [*[[_Status.NOT_SERVING]] * 3, []]
        # A call that lasted until the end of the grace would have been cancelled.
        assert [watch.code() for watch in watched] == [grpc.StatusCode.OK] * 4


def test_a_model_serves_from_when_it_is_configured_until_it_is_not(base_path: Path) -> None:
    config = single_model("first", str(base_path))
    with (
        running_server(config) as server,
        grpc.insecure_channel(server.grpc) as channel,
    ):
        watched = {name: _watch(channel, name) for name in ("first", "second", "")}
        assert next(watched["first"]).status == _Status.SERVING
        assert next(watched["second"]).status == _Status.SERVICE_UNKNOWN
        request = model_management_pb2.ReloadConfigRequest(
            config=single_model("second", str(base_path))
        )
        stub = model_service_pb2_grpc.ModelServiceStub(channel)
        stub.HandleReloadConfigRequest(request, timeout=_TIMEOUT)
        assert next(watched["first"]).status == _Status.SERVICE_UNKNOWN
        assert next(watched["second"]).status == _Status.SERVING
        assert next(watched[""]).status == _Status.SERVING
        assert _check(channel, "second") == _Status.SERVING
