"""The load generator: what its loops count, and what it prints about a real server."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import serving_load
from benchmarks.load_loops import OK, closed_loop, open_loop, percentiles
from benchmarks.predict_calls import PROTOCOLS, open_calls, ranking_of
from pipeline.local_server import free_port
from serving.devserver.models.repository import single_model
from tests.serving.running_server import Addresses, running_server
from tests.serving.stand_in import write_export

ITEMS = [f"item-{number}" for number in range(30)]


@pytest.fixture(scope="module")
def base_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "mclrec"
    write_export(path / "1", ITEMS, k=10)
    return path


@pytest.fixture(scope="module")
def server(base_path: Path) -> Iterator[Addresses]:
    with running_server(single_model("mclrec", str(base_path))) as addresses:
        yield addresses


async def test_closed_loop_keeps_so_many_requests_under_way() -> None:
    under_way, most, numbers = 0, 0, []

    async def ask(number: int) -> str:
        nonlocal under_way, most
        numbers.append(number)
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        return OK if number % 2 else "ODD"

    load = await closed_loop(ask, workers=5, seconds=0.2)
    assert most == 5 and under_way == 0
    assert len(set(numbers)) == len(numbers) == len(load.latencies) == load.codes.total()
    assert set(load.codes) == {OK, "ODD"}
    row = load.row()
    assert row["errors"] == {"ODD": load.codes["ODD"]}
    assert row["requests_per_second"] == pytest.approx(row["requests"] / load.seconds, abs=0.1)


async def test_open_loop_charges_a_stall_to_every_request_that_was_due_in_it() -> None:
    ends = 0.0

    async def ask(number: int) -> str:
        nonlocal ends
        now = asyncio.get_running_loop().time()
        if number == 20:
            ends = now + 0.5
        await asyncio.sleep(max(0, ends - now))
        return OK

    load = await open_loop(ask, rate=200, seconds=1)
    assert len(load.latencies) == len(load.lateness) == 200
    # About a hundred were due in the half second that it stood still.
    assert sum(latency > 0.1 for latency in load.latencies) > 50
    assert max(load.latencies) > 0.4


async def test_open_loop_counts_from_when_a_request_was_due() -> None:
    async def blocks(number: int) -> str:
        import time

        time.sleep(0.02)  # as a client does that cannot keep up
        return OK

    load = await open_loop(blocks, rate=500, seconds=0.1)
    assert max(load.latencies) > 0.5
    assert load.row()["sent_late_milliseconds"]["max"] > 500


def test_percentiles() -> None:
    found = percentiles([number / 1000 for number in range(1, 1001)])
    assert found["p50"] == pytest.approx(500, abs=1) and found["max"] == 1000
    assert found["p99.9"] == pytest.approx(999, abs=1)


@pytest.mark.integration
@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_calls_ask_for_the_history_of_their_number(server: Addresses, protocol: str) -> None:
    histories = [[], ITEMS[:3], ITEMS[5:9]]
    address = getattr(server, protocol)
    async with open_calls(protocol, address, "mclrec", histories) as calls:
        rankings = [ranking_of(await calls.reply(number)) for number in range(6)]
        assert await calls.ask_status(0) == OK
    assert rankings[:3] == rankings[3:]
    for history, ranking in zip(histories, rankings, strict=False):
        assert len(ranking.item_ids) == 10 and not set(history) & set(ranking.item_ids)


@pytest.mark.integration
@pytest.mark.parametrize(("protocol", "code"), [("grpc", "NOT_FOUND"), ("rest", "HTTP 404")])
async def test_a_refusal_has_its_code(server: Addresses, protocol: str, code: str) -> None:
    async with open_calls(protocol, getattr(server, protocol), "none", [[]]) as calls:
        assert await calls.ask(0) == code
        with pytest.raises(ValueError, match=code):
            ranking_of(await calls.reply(0))


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_server_that_is_not_there_has_its_code(protocol: str) -> None:
    code = {"grpc": "UNAVAILABLE", "rest": "ClientConnectorError"}[protocol]
    async with open_calls(protocol, f"127.0.0.1:{free_port()}", "mclrec", [[]]) as calls:
        assert await calls.ask(0) == code


def _result(out: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    short = ["--seconds=0.3", "--warm-up=0", "--concurrency", "1", "4", f"--out={out}", "--json"]
    serving_load.main([*short, *arguments])
    lines = capsys.readouterr().out.splitlines()
    found = json.loads(lines[-1])
    assert found == json.loads(out.with_suffix(".json").read_text())
    assert out.with_suffix(".png").stat().st_size > 10_000
    assert sum("at a time" in line for line in lines) >= 4
    return found


@pytest.mark.integration
def test_any_server_is_measured(
    server: Addresses, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    addresses = [f"--{protocol}={getattr(server, protocol)}" for protocol in PROTOCOLS]
    found = _result(tmp_path / "load", [*addresses, "--rates", "20", "40"], capsys)
    assert [(row["protocol"], row["loop"], row["load"]) for row in found["rows"]] == [
        (protocol, loop, load)
        for protocol in PROTOCOLS
        for loop, load in (("closed", 1), ("closed", 4), ("open", 20), ("open", 40))
    ]
    for row in found["rows"]:
        assert row["requests"] > 0 and not row["errors"]
        assert 0 < row["milliseconds"]["p50"] <= row["milliseconds"]["max"]
    assert "overhead" not in found


@pytest.mark.parametrize("arguments", [[], ["--model=x", "--rest=y"]])
def test_what_to_measure_has_to_be_clear(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        serving_load.main(arguments)
    assert "either --model, or --grpc or --rest" in capsys.readouterr().err


@pytest.mark.slow
def test_a_model_is_served_and_compared_with_its_bare_session(
    base_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _result(tmp_path / "load", [f"--model={base_path}"], capsys)
    assert [row["loop"] for row in found["rows"]] == 2 * [*["closed"] * 2, *["open"] * 3]
    assert all(row["server_cpu_milliseconds_per_request"] > 0 for row in found["rows"])
    milliseconds = found["overhead"]["median_milliseconds"]
    assert 0 < milliseconds["bare_session"] < milliseconds["grpc"]
    assert 0 < milliseconds["grpc_without_model"] < milliseconds["grpc"]
    assert found["overhead"]["grpc_ratio"] == pytest.approx(
        milliseconds["grpc"] / milliseconds["bare_session"], abs=0.01
    )
