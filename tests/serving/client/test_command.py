"""`python -m serving.client`, and how little it needs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.local_server import free_port
from serving.client import RecommendationClient
from serving.client.__main__ import main
from tests.serving.conftest import ITEMS
from tests.serving.running_server import Addresses

_ROOT = Path(__file__).resolve().parents[3]


def _ports(server: Addresses) -> list[str]:
    ports = [address.split(":")[1] for address in server]
    return [f"--port={ports[0]}", f"--rest_api_port={ports[1]}"]


@pytest.mark.integration
def test_prints_a_table_for_each_protocol(
    server: Addresses, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([ITEMS[0], "two words", "--k=3", *_ports(server)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10
    assert lines[2:5] == lines[7:10]
    assert [line.split()[0] for line in lines[2:5]] == ["1", "2", "3"]


@pytest.mark.integration
def test_recommends_none_but_candidates(
    server: Addresses, capsys: pytest.CaptureFixture[str]
) -> None:
    port = f"--port={server.grpc.rsplit(':')[-1]}"
    assert main([ITEMS[9], port, "--candidates", *ITEMS[4:6]]) == 0
    told = capsys.readouterr().out
    assert [item for item in ITEMS if f" {item} " in told] == ITEMS[4:6]
    assert main([ITEMS[9], port, "--candidates", ITEMS[4], "buttr"]) == 0
    told = capsys.readouterr().err
    assert told == "grpc: no candidates, because the model does not know them: buttr\n"
    assert main([ITEMS[9], port, "--candidate_set=odd places", "--k=99"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2 + len(ITEMS) // 2


@pytest.mark.integration
def test_shows_items_like_others(server: Addresses, capsys: pytest.CaptureFixture[str]) -> None:
    port = f"--port={server.grpc.rsplit(':')[-1]}"
    assert main([*ITEMS[:2], "buttr", port, "--similar", "--k=3"]) == 0
    told = capsys.readouterr()
    assert told.err == "grpc: buttr is not known\n"
    lines = told.out.splitlines()
    assert len(lines) == 5 + 5  # of the one that is not known there is no table
    assert [line for line in lines if line.startswith("like")] == [
        f"like {item}, mclrec over grpc at {server.grpc}" for item in ITEMS[:2]
    ]
    for options, message in (
        (["--similar"], "--similar needs an ITEM"),
        (["x", "--similar", "--exclude", "y"], "--similar does not go with"),
        (["x", "--similar", "--keep_seen"], "--similar does not go with"),
    ):
        with pytest.raises(SystemExit):
            main([port, *options])
        assert message in capsys.readouterr().err


def test_says_what_went_wrong(server: Addresses, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["x", f"--rest_api_port={free_port()}", "--timeout=10"]) == 1
    assert "UNAVAILABLE" in capsys.readouterr().err
    assert main(["x", "--model_name=unknown", *_ports(server)]) == 1
    assert "knows no model of this name (model unknown at" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["x"])
    assert "give --port or --rest_api_port" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["x", "--port=1", "--client_key=key.pem"])
    assert "need --root_certificates" in capsys.readouterr().err


@pytest.mark.integration
def test_runs_as_a_module(server: Addresses) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "serving.client", *ITEMS, *_ports(server)],
        cwd=_ROOT,
        capture_output=True,
        text=True,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.count("no item is left to recommend") == 2


@pytest.mark.integration
def test_no_client_needs_tensorflow(server: Addresses) -> None:
    program = f"""
import sys
from serving.client import RecommendationClient

for address, protocol in (({server.grpc!r}, "grpc"), ({server.rest!r}, "rest")):
    with RecommendationClient(address, protocol=protocol) as client:
        assert client.recommend([]) and client.user_vector([]).any() is not None
        assert client.model_metadata() and client.model_status()
sys.exit("tensorflow" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], cwd=_ROOT).returncode == 0


@pytest.mark.parametrize(
    ("option", "message"),
    [
        *(
            (f"--{name}=", f"--{name}: must not be empty; is a variable of the shell unset?")
            for name in ("host", "model_name", "root_certificates", "client_certificate")
        ),
        ("--client_key=", "--client_key: must not be empty"),
        ("--rest_api_port=x", "--rest_api_port: invalid int value: 'x'"),
    ],
)
def test_an_option_that_makes_no_sense_is_named(
    option: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["x", "--port=1", option])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("port", [0, -1, 65536, 99999])
@pytest.mark.parametrize("before", ["127.0.0.1", "[::1]", "http://models", "https://models"])
def test_a_port_that_there_is_not_is_named(before: str, port: int) -> None:
    said = f"address is '{before}:{port}'; the port must be 1 to 65535"
    with pytest.raises(ValueError, match=re.escape(said)):
        RecommendationClient(f"{before}:{port}", "mclrec", "rest")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([""], r"grpc: history[0] is ''"),
        (["x", "--port=0"], "grpc: address is '127.0.0.1:0'; the port must be 1 to 65535"),
        (["x", "--port=-1"], "grpc: address is '127.0.0.1:-1'; the port must be 1 to 65535"),
        (["x", "--port=99999"], "grpc: address is '127.0.0.1:99999'; the port must be 1 to 65535"),
        (["x", "--host=a b"], "grpc: address is 'a b:9'; over gRPC it is host:port"),
        (["x", "--exclude", ""], r"grpc: exclude[0] is ''"),
        (["x", "--candidates", ""], r"grpc: candidates[0] is ''"),
        (["x", "--k=0"], "grpc: k is 0; give at least 1"),
        (["x", "--timeout=nan"], "grpc: timeout is nan"),
        (["x", "--root_certificates=nowhere.pem"], "root_certificates: No such file"),
    ],
)
def test_an_argument_that_makes_no_sense_is_named(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--port=9", *arguments]) == 1
    assert message in capsys.readouterr().err
