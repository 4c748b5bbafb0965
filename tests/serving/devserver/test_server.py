"""`python -m serving.devserver` as a person runs it."""

import json
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import httpx
import pytest
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from pipeline.local_server import free_port, local_server, server_command
from serving.devserver.__main__ import main
from tests.distributions import CHECKOUT
from tests.serving.conftest import ITEMS
from tests.serving.devserver.patient import Patient, history, predict_request, waiting_for
from tests.serving.stand_in import write_export
from tests.serving.wait_until import wait_until

_TIMEOUT = 300


@pytest.fixture(scope="module")
def patient_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose answers wait for a file."""
    base = tmp_path_factory.mktemp("patient") / "mclrec"
    write_export(base / "1", ITEMS[:20], model_type=Patient)
    return base


@pytest.mark.integration
@pytest.mark.parametrize(
    "signal_number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_serves_until_a_signal_and_answers_what_it_has_accepted(
    patient_base: Path, tmp_path: Path, signal_number: int
) -> None:
    relative = os.path.relpath(patient_base, CHECKOUT)
    go_on = tmp_path / "go_on"
    with (
        local_server([*server_command(patient_base), f"--model_base_path={relative}"]) as server,
        grpc.insecure_channel(server.grpc) as channel,
        httpx.Client(base_url=f"http://{server.rest}", timeout=_TIMEOUT) as rest,
        ThreadPoolExecutor(16) as threads,
    ):
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
        with _accepted_post(server.rest, len(body)) as connection:
            server.process.send_signal(signal_number)
            wait_until(lambda: not _listens(server.grpc), "gRPC refuses")
            wait_until(lambda: not _listens(server.rest), "REST refuses")
            go_on.touch()
            assert len(running[0].result().outputs["item_ids"].string_val) > 0
            assert len(running[1].result()[0]["item_ids"]) > 0
            connection.sendall(body)
            assert b"200 OK" in connection.recv(1000)
        assert server.process.wait(timeout=_TIMEOUT) == 0
        assert server.process.stdout and server.process.stdout.read() == ""


@pytest.mark.integration
def test_a_changed_file_of_models_is_taken_over_and_a_faulty_one_is_explained(
    base_path: Path, tmp_path: Path
) -> None:
    config = tmp_path / "models.config"
    model = f'name: "mclrec" base_path: "{base_path}" model_platform: "tensorflow"'
    config.write_text(f"model_config_list {{ config {{ {model} }} }}")
    log = tmp_path / "log"
    command = [
        *server_command(base_path),
        f"--model_config_file={config}",
        "--model_config_file_poll_wait_seconds=1",
    ]
    with (
        log.open("w") as stderr,
        local_server(command, stderr=stderr) as server,
        httpx.Client(base_url=f"http://{server.rest}", timeout=_TIMEOUT) as rest,
    ):
        label = "/v1/models/mclrec/labels/stable:predict"
        request = {"instances": history(ITEMS[0])}
        assert rest.post(label, json=request).status_code == 400
        labels = 'version_labels { key: "stable" value: 1 }'
        config.write_text(f"model_config_list {{ config {{ {model} {labels} }} }}")
        wait_until(lambda: rest.post(label, json=request).status_code == 200, "the label is known")
        config.write_text("model_config_list {\n  confg {}\n}")
        wait_until(lambda: f"{config}: 2:3" in log.read_text(), "the fault is logged")
        assert rest.post(label, json=request).status_code == 200


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


def _listens(address: str) -> bool:
    host, port = address.split(":")
    try:
        socket.create_connection((host, int(port)), timeout=_TIMEOUT).close()
    except ConnectionRefusedError:
        return False
    return True


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
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
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
    assert subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT).returncode == 0
