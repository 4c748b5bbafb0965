"""The answers of TF Serving 2.20 on a small model: all that were recorded, and more by its sources.

Where tensorflow_model_server is on PATH, it has to answer alike.
"""

import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf import json_format
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)
from tensorflow_serving.config import model_server_config_pb2

from tests.serving.both_servers import SERVERS, serve
from tests.serving.devserver.tf_serving_cases import GRPC_CASES, REST_CASES
from tests.serving.running_server import Addresses

pytestmark = pytest.mark.integration

_REQUESTS = {
    "Predict": predict_pb2.PredictRequest,
    "GetModelMetadata": get_model_metadata_pb2.GetModelMetadataRequest,
    "GetModelStatus": get_model_status_pb2.GetModelStatusRequest,
    "MultiInference": inference_pb2.MultiInferenceRequest,
    "HandleReloadConfigRequest": model_management_pb2.ReloadConfigRequest,
}


@pytest.fixture(scope="module")
def recorded(shared_dir: Path) -> Path:
    return shared_dir / "golden" / "tf_serving"


@pytest.fixture(scope="module")
def conformance_model(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    base_path = str(tmp_path_factory.mktemp("conf"))
    script = str(recorded / "conformance_model.py")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", [script, base_path])
        runpy.run_path(script, run_name="__main__")
    return base_path


@pytest.fixture(scope="module")
def config(conformance_model: str) -> model_server_config_pb2.ModelServerConfig:
    model = {
        "name": "conf",
        "base_path": conformance_model,
        "model_platform": "tensorflow",
        "model_version_policy": {"all": {}},
        "version_labels": {"stable": 2, "canary": 3},
    }
    return model_server_config_pb2.ModelServerConfig(model_config_list={"config": [model]})


@pytest.fixture(scope="module", params=SERVERS)
def server(
    request: pytest.FixtureRequest,
    config: model_server_config_pb2.ModelServerConfig,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Addresses]:
    with serve(request.param, config, tmp_path_factory.mktemp("config")) as addresses:
        yield addresses


def test_recorded_rest_answers(recorded: Path, server: Addresses) -> None:
    cases = json.loads((recorded / "rest.json").read_text())
    assert not _rest_differences(cases, server)
    assert len(cases) == 85


def test_more_rest_answers(server: Addresses) -> None:
    assert not _rest_differences(REST_CASES, server)


def _rest_differences(cases: list[dict[str, Any]], server: Addresses) -> list[Any]:
    differences = []
    with httpx.Client(base_url=f"http://{server.rest}", timeout=60) as client:
        for case in cases:
            body = None if case["body"] is None else case["body"].encode()
            response = client.request(case["method"], case["path"], content=body)
            if _rest_outline(case["status"], case["content_type"], case["response"]) != (
                _rest_outline(
                    response.status_code,
                    response.headers["content-type"],
                    response.content.decode("utf-8", "surrogateescape"),
                )
            ):
                differences.append((case, response.status_code, response.text))
    return differences


def test_recorded_grpc_answers(recorded: Path, server: Addresses, conformance_model: str) -> None:
    cases = [case for case in _grpc_cases(recorded) if "reload_" not in case["case"]]
    assert not _grpc_differences(cases, server, conformance_model)
    assert len(cases) == 24


def test_more_grpc_answers(server: Addresses, conformance_model: str) -> None:
    assert not _grpc_differences(GRPC_CASES, server, conformance_model)


@pytest.mark.parametrize("kind", SERVERS)
def test_recorded_grpc_answers_to_reloads_in_their_order(
    kind: str,
    recorded: Path,
    config: model_server_config_pb2.ModelServerConfig,
    conformance_model: str,
    tmp_path: Path,
) -> None:
    cases = [case for case in _grpc_cases(recorded) if "reload_" in case["case"]]
    with serve(kind, config, tmp_path) as server:
        assert not _grpc_differences(cases, server, conformance_model)
    assert len(cases) == 5


def _rest_outline(status: int, content_type: str, body: str) -> Any:
    """What has to agree: the status, the type, and the JSON; of an error only its shape."""
    if content_type != "application/json":
        return status, content_type
    document = json.loads(body, parse_constant=str)  # NaN as "NaN", which equals itself
    if status != httpx.codes.OK:
        return status, content_type, {key: type(value) for key, value in document.items()}
    return status, content_type, document


def _grpc_cases(recorded: Path) -> list[dict[str, Any]]:
    return json.loads((recorded / "grpc.json").read_text())


def _grpc_differences(
    cases: list[dict[str, Any]], server: Addresses, base_path: str
) -> list[tuple[dict[str, Any], str, Any]]:
    differences = []
    with grpc.insecure_channel(server.grpc) as channel:
        services = (
            prediction_service_pb2_grpc.PredictionServiceStub(channel),
            model_service_pb2_grpc.ModelServiceStub(channel),
        )
        for case in cases:
            text = json.dumps(case["request"]).replace("MODEL_BASE_PATH", base_path)
            request = json_format.Parse(text, _REQUESTS[case["rpc"]]())
            [method] = [getattr(s, case["rpc"]) for s in services if hasattr(s, case["rpc"])]
            try:
                answer = json_format.MessageToDict(
                    method(request, timeout=30), preserving_proto_field_name=True
                )
                code = "OK"
            except grpc.RpcError as error:
                answer, code = error.details(), error.code().name
            if code != case["code"] or (code == "OK" and answer != case["response"]):
                differences.append((case, code, answer))
    return differences
