"""`python -m serving.server` as a person runs it."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from serving.client import RecommendationClient
from serving.errors import ServingError
from serving.server import main
from tests.serving.conftest import ITEMS
from tests.serving.running_server import free_port
from tests.serving.stand_in import HISTORY_LENGTH

_ROOT = Path(__file__).resolve().parents[2]


def _ask_until_refused(port: int) -> None:
    with RecommendationClient(f"127.0.0.1:{port}") as client:
        for _ in range(1000):
            client.recommend([])


@pytest.mark.parametrize(
    "signal_number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_serves_until_a_signal_and_answers_what_it_has_accepted(
    base_path: Path, signal_number: int
) -> None:
    port, rest_port = free_port(), free_port()
    relative = os.path.relpath(base_path, _ROOT)
    process = subprocess.Popen(
        [sys.executable, "-m", "serving.server", f"--port={port}", f"--rest_api_port={rest_port}"]
        + [f"--model_base_path={relative}"],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        ready = process.stdout.readline()
        assert f"127.0.0.1:{port}" in ready and f"http://127.0.0.1:{rest_port}" in ready

        answers = []
        for protocol, address in (("grpc", port), ("rest", rest_port)):
            with RecommendationClient(f"127.0.0.1:{address}", protocol=protocol) as client:
                answers.append(client.recommend(ITEMS[:3]))
        assert answers[0] == answers[1] and len(answers[0]) == 10

        body = json.dumps({"inputs": [[ITEMS[0], *[""] * (HISTORY_LENGTH - 1)]]}).encode()
        head = (
            "POST /v1/models/mclrec:predict HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", rest_port), timeout=30) as connection:
            connection.sendall(head.encode())
            assert b"100 Continue" in connection.recv(1000)  # it has accepted the request
            process.send_signal(signal_number)
            with pytest.raises(ServingError):
                _ask_until_refused(port)
            connection.sendall(body)
            assert b"200 OK" in connection.recv(1000)
        assert process.wait(timeout=30) == 0
        assert process.stdout.read() == ""
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give --model_base_path or --model_config_file"),
        (["--model_base_path=x", "--port=0"], "other than 0"),
        (["--model_base_path=x", "--port=7", "--rest_api_port=7"], "have to differ"),
        (["--model_base_path=x", "--unknown_flag"], "unrecognized arguments: --unknown_flag"),
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


def test_help_needs_no_tensorflow() -> None:
    program = "import sys, serving.server; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=_ROOT).returncode == 0
