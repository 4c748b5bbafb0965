"""`python -m serving.devserver` as a person runs it."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import httpx
import pytest
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from serving.devserver import model_server
from serving.devserver.__main__ import main
from serving.devserver.models import folder_watch
from serving.devserver.models.repository import single_model
from tests.serving.conftest import ITEMS
from tests.serving.devserver.patient import Patient, history, predict_request, waiting_for
from tests.serving.running_server import free_port, running_server
from tests.serving.server_process import ROOT, server_process, wait_until
from tests.serving.stand_in import write_export

_TIMEOUT = 300


@pytest.fixture(scope="module")
def patient_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose answers wait for a file."""
    base = tmp_path_factory.mktemp("patient") / "mclrec"
    write_export(base / "1", ITEMS[:20], model_type=Patient)
    return base


@pytest.fixture
def monitoring(tmp_path: Path) -> str:
    file = tmp_path / "monitoring.config"
    file.write_text("prometheus_config { enable: true }")
    return f"--monitoring_config_file={file}"


@pytest.mark.integration
@pytest.mark.parametrize(
    "signal_number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_serves_until_a_signal_and_answers_what_it_has_accepted(
    patient_base: Path, monitoring: str, tmp_path: Path, signal_number: int
) -> None:
    relative = os.path.relpath(patient_base, ROOT)
    go_on, ended = tmp_path / "go_on", threading.Event()
    with (
        server_process(f"--model_base_path={relative}", monitoring) as server,
        grpc.insecure_channel(server.addresses.grpc) as channel,
        httpx.Client(base_url=f"http://{server.addresses.rest}", timeout=_TIMEOUT) as rest,
        ThreadPoolExecutor(16) as threads,
    ):
        ready = server.wait_until_ready()
        assert server.addresses.grpc in ready and f"http://{server.addresses.rest}" in ready
        predict = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict

        def over_grpc(rows: list[list[str]]) -> predict_pb2.PredictResponse:
            return predict(predict_request("mclrec", rows), timeout=_TIMEOUT)

        def over_rest(rows: list[list[str]]) -> list:
            answer = rest.post("/v1/models/mclrec:predict", json={"instances": rows})
            return answer.raise_for_status().json()["predictions"]

        expected = list(over_grpc(history(ITEMS[0])).outputs["item_ids"].string_val)
        assert [item.encode() for item in over_rest(history(ITEMS[0]))[0]["item_ids"]] == expected

        running = [threads.submit(ask, waiting_for(go_on)) for ask in (over_grpc, over_rest)]
        metrics = "/monitoring/prometheus/metrics"
        wait_until(lambda: "requests_in_flight 2.0" in rest.get(metrics).text, "two requests run")
        body = json.dumps({"instances": history(ITEMS[0])}).encode()
        with _accepted_post(server.addresses.rest, len(body)) as connection:
            asking = [threads.submit(_refusals, server.addresses.grpc, ended) for _ in range(8)]
            server.process.send_signal(signal_number)
            wait_until(lambda: _is_refused(channel), "gRPC refuses")
            wait_until(lambda: not _listens(server.addresses.rest), "REST refuses")
            go_on.touch()
            assert len(running[0].result().outputs["item_ids"].string_val) > 0
            assert len(running[1].result()[0]["item_ids"]) > 0
            connection.sendall(body)
            assert b"200 OK" in connection.recv(1000)
        assert server.process.wait(timeout=_TIMEOUT) == 0
        ended.set()
        assert [refusals.result() for refusals in asking] == [{grpc.StatusCode.UNAVAILABLE}] * 8
        assert server.process.stdout and server.process.stdout.read() == ""


@pytest.mark.integration
def test_what_takes_longer_than_a_stopping_server_waits_is_refused(
    patient_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_server, "_GRACE_SECONDS", 1)
    go_on = tmp_path / "go_on"

    def ask(address: str) -> httpx.Response:
        question = {"instances": waiting_for(go_on)}
        url = f"http://{address}/v1/models/mclrec:predict"
        answer = httpx.post(url, json=question, timeout=_TIMEOUT)
        go_on.touch()
        return answer

    with ThreadPoolExecutor() as threads:
        metrics = "/monitoring/prometheus/metrics"
        with running_server(
            single_model("mclrec", str(patient_base)), prometheus_path=metrics
        ) as server:
            asked = threads.submit(ask, server.rest)
            wait_until(
                lambda: "in_flight 1.0" in httpx.get(f"http://{server.rest}{metrics}").text,
                "the request runs",
            )
        answer = asked.result()
    assert answer.status_code == 503
    assert answer.json() == {"error": "The server is shutting down."}


@pytest.mark.integration
def test_a_changed_file_of_models_is_taken_over_and_a_faulty_one_is_explained(
    base_path: Path, tmp_path: Path
) -> None:
    config = tmp_path / "models.config"
    model = f'name: "mclrec" base_path: "{base_path}" model_platform: "tensorflow"'
    config.write_text(f"model_config_list {{ config {{ {model} }} }}")
    flags = (f"--model_config_file={config}", "--model_config_file_poll_wait_seconds=1")
    with (
        server_process(*flags) as server,
        httpx.Client(base_url=f"http://{server.addresses.rest}", timeout=_TIMEOUT) as rest,
    ):
        server.wait_until_ready()
        label = "/v1/models/mclrec/labels/stable:predict"
        question = {"instances": history(ITEMS[0])}
        assert rest.post(label, json=question).status_code == 400
        labels = 'version_labels { key: "stable" value: 1 }'
        config.write_text(f"model_config_list {{ config {{ {model} {labels} }} }}")
        wait_until(lambda: rest.post(label, json=question).status_code == 200, "the label is known")
        config.write_text("model_config_list {\n  confg {}\n}")
        wait_until(lambda: f"{config}: 2:3" in server.log(), "the fault is logged")
        assert rest.post(label, json=question).status_code == 200


def _accepted_post(address: str, length: int) -> socket.socket:
    """A connection with a request whose head the server has accepted, but not yet its body."""
    host, port = address.split(":")
    connection = socket.create_connection((host, int(port)), timeout=_TIMEOUT)
    head = (
        "POST /v1/models/mclrec:predict HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
    )
    connection.sendall(head.encode())
    assert b"100 Continue" in connection.recv(1000)
    return connection


def _refusals(address: str, ended: threading.Event) -> set[grpc.StatusCode]:
    """Asks again and again, until the server has ended; returns how it was refused."""
    codes = set()
    with grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        predict = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict
        while not ended.is_set():
            try:
                predict(predict_request("mclrec", history(ITEMS[0])), timeout=_TIMEOUT)
            except grpc.RpcError as error:
                codes.add(error.code())
    return codes


def _is_refused(channel: grpc.Channel) -> bool:
    """Whether a question that needs no model is refused: those that do may wait their turn."""
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "mclrec"
    try:
        model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(request, timeout=_TIMEOUT)
    except grpc.RpcError as error:
        return error.code() == grpc.StatusCode.UNAVAILABLE
    return False


def _listens(address: str) -> bool:
    host, port = address.split(":")
    try:
        socket.create_connection((host, int(port)), timeout=_TIMEOUT).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.fixture
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_watch, "COPY_SECONDS", 0.02)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give --model_base_path or --model_config_file"),
        (["--model_base_path=x", "--port=0"], "other than 0"),
        (["--model_base_path=x", "--port=7", "--rest_api_port=7"], "have to differ"),
    ],
)
def test_wrong_options_are_explained(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_folder_without_versions_ends_it_with_a_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([f"--model_base_path={tmp_path}", f"--port={free_port()}"]) == 1
    reason = f"no folder with a numeric name that its version policy asks for under {tmp_path}"
    assert reason in capsys.readouterr().err


def test_a_model_that_cannot_be_loaded_ends_it_with_the_version(
    tmp_path: Path, quick_looks: None, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "7").mkdir()
    assert main([f"--model_base_path={tmp_path}", f"--port={free_port()}"]) == 1
    assert "version 7 of model mclrec cannot be loaded" in capsys.readouterr().err


def test_a_configuration_file_with_a_fault_ends_it_with_the_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "models.config"
    config.write_text("model_config_list {\n  confg {}\n}")
    assert main([f"--model_config_file={config}", f"--port={free_port()}"]) == 1
    errors = capsys.readouterr().err
    assert f"{config}: 2:3" in errors and "confg" in errors


def test_a_fault_in_the_monitoring_file_ends_it_with_the_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("prometheus_config {\n  on: true }")
    arguments = [f"--model_base_path={tmp_path}", f"--rest_api_port={free_port()}"]
    assert main([*arguments, f"--monitoring_config_file={file}"]) == 1
    assert f"{file}: 2:3" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--port", "--rest_api_port"])
def test_a_port_in_use_ends_it_with_the_port(
    base_path: Path, flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ports = {"--port": free_port(), "--rest_api_port": free_port()}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports[flag] = taken.getsockname()[1]
        arguments = [f"{name}={port}" for name, port in ports.items()]
        assert main([f"--model_base_path={base_path}", *arguments]) == 1
    assert f"cannot listen on 127.0.0.1:{ports[flag]}" in capsys.readouterr().err


@pytest.mark.integration
def test_help_needs_no_tensorflow() -> None:
    program = "import sys, serving.devserver; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT).returncode == 0
