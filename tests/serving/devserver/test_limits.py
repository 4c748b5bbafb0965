"""What the server refuses, so that it goes on answering."""

import logging
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import httpx
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)
from tensorflow_serving.config import model_server_config_pb2

from serving.devserver import metrics
from serving.devserver.configuration.flags import parse_flags
from serving.devserver.limits import Limits
from serving.devserver.models.repository import single_model
from serving.devserver.rest_api import json_predict
from serving.devserver.servables import predict
from serving.devserver.servables.servable import Servable
from serving.errors import Refused
from tests.serving.conftest import ITEMS
from tests.serving.devserver.patient import (
    Patient,
    history,
    predict_request,
    recommend_request,
    waiting_for,
)
from tests.serving.running_server import Addresses, running_server
from tests.serving.stand_in import write_export
from tests.serving.wait_until import wait_until

_MODEL = "patient"
_PLACES = 3
_TIMEOUT = 60


@pytest.fixture(scope="module")
def config(
    tmp_path_factory: pytest.TempPathFactory,
) -> model_server_config_pb2.ModelServerConfig:
    path = tmp_path_factory.mktemp("models") / _MODEL
    write_export(path / "1", ITEMS, model_type=Patient)
    return single_model(_MODEL, str(path))


@pytest.fixture(scope="module")
def server(config: model_server_config_pb2.ModelServerConfig) -> Iterator[Addresses]:
    limits = Limits(max_concurrent_requests=_PLACES, max_items_per_request=100_000)
    with running_server(config, limits=limits) as addresses:
        yield addresses


@pytest.fixture
def release(
    tmp_path: Path, rest: httpx.Client, stub: prediction_service_pb2_grpc.PredictionServiceStub
) -> Iterator[Callable[[], list[grpc.Future]]]:
    """Fills the server with requests; they are answered when what this gives is called."""
    file = tmp_path / "go on"
    calls = [
        stub.Predict.future(predict_request(_MODEL, waiting_for(file)), timeout=_TIMEOUT)
        for _ in range(_PLACES)
    ]
    in_flight = "mclrec_serving_requests_in_flight"
    wait_until(lambda: _metric(rest, in_flight) == _PLACES, "the server is full")

    def go_on() -> list[grpc.Future]:
        file.touch()
        return calls

    yield go_on
    file.touch()
    for call in calls:
        call.result()


@pytest.mark.integration
def test_a_full_server_refuses_over_both_protocols_and_recovers(
    release: Callable[[], list[grpc.Future]],
    rest: httpx.Client,
    stub: prediction_service_pb2_grpc.PredictionServiceStub,
) -> None:
    refused = 'mclrec_serving_requests_refused_total{reason="overload"}'
    before = _metric(rest, refused)
    body = {"inputs": history(ITEMS[0])}
    for _ in range(5):
        answer = rest.post(f"/v1/models/{_MODEL}:predict", json=body)
        assert answer.status_code == 429
        assert answer.json() == {
            "error": "The server has 3 requests to answer, as many as it takes at a time. "
            "Try again later."
        }
        with pytest.raises(grpc.RpcError) as error:
            stub.Predict(predict_request(_MODEL, history()), timeout=_TIMEOUT)
        assert error.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert _metric(rest, refused) == before + 10

    answers = [call.result().outputs["scores"].float_val for call in release()]
    assert len(answers) == _PLACES and all(answers)
    assert rest.post(f"/v1/models/{_MODEL}:predict", json=body).status_code == 200
    assert stub.Predict(predict_request(_MODEL, history()), timeout=_TIMEOUT).outputs
    assert _metric(rest, "mclrec_serving_requests_in_flight") == 0


@pytest.mark.integration
@pytest.mark.usefixtures("release")
def test_a_full_server_still_tells_about_itself(
    rest: httpx.Client,
    channel: grpc.Channel,
    stub: prediction_service_pb2_grpc.PredictionServiceStub,
) -> None:
    assert rest.get(f"/v1/models/{_MODEL}").json()["model_version_status"]
    assert "recommend" in rest.get(f"/v1/models/{_MODEL}/metadata").text
    assert "request_count" in rest.get(metrics.PATH).text
    metadata = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    metadata.model_spec.name = _MODEL
    assert stub.GetModelMetadata(metadata, timeout=_TIMEOUT).metadata
    status = get_model_status_pb2.GetModelStatusRequest()
    status.model_spec.name = _MODEL
    models = model_service_pb2_grpc.ModelServiceStub(channel)
    assert models.GetModelStatus(status, timeout=_TIMEOUT).model_version_status
    health = health_pb2_grpc.HealthStub(channel)
    assert health.Check(health_pb2.HealthCheckRequest(), timeout=_TIMEOUT).status == 1


@pytest.mark.integration
def test_bytes_that_are_no_message_are_refused_without_a_look_inside(
    channel: grpc.Channel,
) -> None:
    with pytest.raises(grpc.RpcError) as error:
        _send_bytes(channel, b"\xff" * 1000)
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert error.value.details() == "The request is not one of Predict"


@pytest.mark.integration
@pytest.mark.parametrize(
    ("rows", "k"), [(2, 50_001), (201, 1), (1, 2**31 - 1)], ids=["k", "rows", "largest k"]
)
def test_too_large_an_answer_is_refused_over_both_protocols(
    rest: httpx.Client,
    stub: prediction_service_pb2_grpc.PredictionServiceStub,
    rows: int,
    k: int,
) -> None:
    message = f"asks for {rows} rows of {max(k, 500)} items. A request may ask for 100000 items"
    with pytest.raises(grpc.RpcError) as error:
        stub.Predict(recommend_request(_MODEL, k, rows), timeout=_TIMEOUT)
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert message in error.value.details()
    answer = rest.post(f"/v1/models/{_MODEL}:predict", json=_recommend_body(k, rows))
    assert answer.status_code == 400
    assert message in answer.json()["error"]


@pytest.mark.integration
def test_one_row_may_ask_for_more_items_than_a_catalogue_has(
    rest: httpx.Client, stub: prediction_service_pb2_grpc.PredictionServiceStub
) -> None:
    answer = stub.Predict(recommend_request(_MODEL, 100_000), timeout=_TIMEOUT)
    assert len(answer.outputs["item_ids"].string_val) == len(ITEMS)
    body = rest.post(f"/v1/models/{_MODEL}:predict", json=_recommend_body(100_000)).json()
    assert len(body["outputs"]["item_ids"][0]) == len(ITEMS)


@pytest.mark.integration
def test_a_signature_without_k_is_limited_by_its_rows(rest: httpx.Client) -> None:
    def ask(rows: int) -> int:
        body = {"inputs": history(ITEMS[0], rows)}
        return rest.post(f"/v1/models/{_MODEL}:predict", json=body).status_code

    assert (ask(200), ask(201)) == (200, 400)


def test_only_inputs_of_open_size_count_as_rows(servable: Servable) -> None:
    limits = Limits(max_items_per_request=1000)
    signature = servable.signatures["recommend"]
    for inputs, is_refused in (
        ({"k": np.array([1, 1])}, False),
        ({"k": np.array([1, 1, 1])}, True),
        ({"k": np.array(7), "exclude": np.full((2, 9000), b"", object)}, False),
        ({"k": np.array([1001])}, True),
        ({"k": np.array([], np.int32)}, False),
        ({"k": np.array(["x"], object)}, False),
    ):
        if is_refused:
            with pytest.raises(Refused):
                limits.check_inputs(signature, inputs)
        else:
            limits.check_inputs(signature, inputs)


@pytest.mark.integration
def test_an_error_inside_is_logged_once_and_not_told(
    rest: httpx.Client,
    stub: prediction_service_pb2_grpc.PredictionServiceStub,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(json_predict, "write_response", fail)
    monkeypatch.setattr(predict, "from_array", fail)
    with caplog.at_level(logging.WARNING):
        answer = rest.post(f"/v1/models/{_MODEL}:predict", json={"inputs": history()})
        with pytest.raises(grpc.RpcError) as error:
            stub.Predict(predict_request(_MODEL, history()), timeout=_TIMEOUT)
    assert (answer.status_code, answer.json()) == (500, {"error": "Internal error"})
    assert error.value.code() == grpc.StatusCode.INTERNAL
    assert error.value.details() == "Internal error"
    assert [record.exc_info[1].args for record in caplog.records] == [("secret",)] * 2


@pytest.mark.integration
def test_rest_gives_a_request_up_after_its_time(
    config: model_server_config_pb2.ModelServerConfig, tmp_path: Path
) -> None:
    file = tmp_path / "go on"
    with (
        running_server(config, limits=Limits(rest_timeout_seconds=0.5)) as server,
        httpx.Client(base_url=f"http://{server.rest}", timeout=_TIMEOUT) as rest,
    ):
        answer = rest.post(f"/v1/models/{_MODEL}:predict", json={"inputs": waiting_for(file)})
        file.touch()
        assert answer.status_code == 504
        assert answer.json() == {"error": "The request took longer than 0.5 s"}


@pytest.mark.integration
def test_the_time_of_a_rest_request_counts_from_its_head(
    config: model_server_config_pb2.ModelServerConfig,
) -> None:
    head = f"POST /v1/models/{_MODEL}:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
    with running_server(config, limits=Limits(rest_timeout_seconds=0.5)) as server:
        host, port = server.rest.split(":")
        with socket.create_connection((host, int(port)), timeout=_TIMEOUT) as connection:
            connection.sendall(head.encode())  # and never the body
            assert connection.recv(10_000).startswith(b"HTTP/1.1 504 ")


@pytest.mark.integration
def test_a_head_without_end_is_refused(server: Addresses) -> None:
    host, port = server.rest.split(":")
    with socket.create_connection((host, int(port)), timeout=_TIMEOUT) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 2**17)
        assert connection.recv(10_000).startswith(b"HTTP/1.1 400 ")


def test_the_flags_have_the_defaults_of_the_limits() -> None:
    options = parse_flags(["--model_base_path=models"], "")
    limits = Limits()
    assert options.max_concurrent_requests == limits.max_concurrent_requests
    assert options.max_items_per_request == limits.max_items_per_request
    assert options.max_request_mebibytes * 2**20 == limits.max_request_bytes
    assert options.rest_api_timeout_in_ms == limits.rest_timeout_seconds * 1000


def _recommend_body(k: int, rows: int = 1) -> dict:
    inputs = {
        "history": history(rows=rows),
        "exclude": [[""]] * rows,
        "k": [k] * rows,
        "keep_seen": [True] * rows,
    }
    return {"signature_name": "recommend", "inputs": inputs}


def _send_bytes(channel: grpc.Channel, message: bytes) -> None:
    method = "/tensorflow.serving.PredictionService/Predict"
    channel.unary_unary(method)(message, timeout=_TIMEOUT)


def _metric(rest: httpx.Client, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", rest.get(metrics.PATH).text, re.MULTILINE)
    return float(found[1]) if found else 0
