"""Swaps under load: no failed and no wrong answer, and a wrong one would be seen."""

import json
from pathlib import Path
from typing import Any

import pytest
from rich.progress import Progress

from benchmarks import serving_swaps
from benchmarks.distinct_versions import DistinctVersions
from benchmarks.load_loops import OK
from benchmarks.predict_calls import Calls, History, Reply, history_array
from benchmarks.swap_watch import SwapWatch
from benchmarks.version_swaps import Swaps
from pipeline.local_server import local_server, server_command
from serving.devserver.servables.servable import Servable
from tests.serving.stand_in import write_export

ITEMS = [f"item-{number}" for number in range(30)]
HISTORIES: list[History] = [[], ITEMS[:3], ITEMS[7:12]]


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_export(tmp_path_factory.mktemp("models") / "mclrec" / "1", ITEMS, k=10)


@pytest.mark.integration
async def test_swaps_under_load(export: Path, tmp_path: Path) -> None:
    swaps = Swaps(export, tmp_path, HISTORIES)
    with local_server(server_command(tmp_path)) as server, Progress(disable=True) as bar:
        found = await swaps.run(server, swaps=8, rate=20, pause=0.05, bar=bar)
    swaps.close()
    assert (found["failed"], found["wrong"], found["faults"]) == (0, 0, [])
    assert len(found["seconds_to_first_answer"]) == len(found["memory_bytes"]) == 8
    assert min(found["requests"].values()) >= 8


def test_every_version_answers_as_foreseen(export: Path, tmp_path: Path) -> None:
    versions = DistinctVersions(export, HISTORIES)
    for number in (1, 2, 31):
        versions.write(tmp_path / str(number), number)
    foreseen = [[versions.ranking(n, question) for question in range(3)] for n in (1, 2, 31)]
    assert foreseen[0] == foreseen[2]  # there are 30 rotations of 30 items
    servable = Servable("mclrec", 2, tmp_path / "2")
    signature = servable.signatures["serving_default"]
    for history, ranking in zip(HISTORIES, foreseen[1], strict=True):
        [item_ids] = servable.run(
            {signature.inputs["history"].name: history_array(history)},
            [signature.outputs["item_ids"].name],
        )
        assert [item.decode() for item in item_ids[0]] == ranking.item_ids
        assert ranking.item_ids not in [r.item_ids for r in foreseen[0]]
    servable.close()
    versions.close()


async def test_old_and_unknown_answers_are_wrong(export: Path, tmp_path: Path) -> None:
    versions = DistinctVersions(export, HISTORIES)
    for number in (1, 2, 3):
        versions.write(tmp_path / str(number), number)
    watch = SwapWatch(versions, len(HISTORIES), served=1)

    async def faults(answering: int, newest: int, code: str = OK) -> tuple[int, int]:
        """Wrong and failed answers, after one more of a version while another is the newest."""

        async def reply(question: int) -> Reply:
            item_ids, scores = versions.ranking(answering, question)
            outputs = {"item_ids": [item_ids], "scores": [scores]}
            return Reply(code, json.dumps({"outputs": outputs}).encode())

        watch.newest = newest
        await watch.ask("rest", Calls(reply, status=lambda: reply(0)), question=1)
        return watch.wrong, watch.failed

    assert await faults(answering=1, newest=1) == (0, 0)
    assert await faults(answering=1, newest=2) == (0, 0)
    assert await faults(answering=2, newest=2) == (0, 0)
    assert await faults(answering=1, newest=2) == (1, 0)  # older than an answer before it
    assert await faults(answering=3, newest=2) == (2, 0)  # not yet there
    assert await faults(answering=3, newest=3) == (2, 0)
    assert await faults(answering=3, newest=3, code="HTTP 503") == (2, 1)
    assert list(watch.first_answers) == [1, 2, 3]
    assert "versions 2 to 2 do not answer" in watch.faults[0] and "503" in watch.faults[2]
    versions.close()


def test_memory_is_judged_after_the_warm_up() -> None:
    sizes = [number * 50_000_000 for number in range(10)] + [500_000_000] * 40
    assert serving_swaps.memory_slope(sizes) == pytest.approx(0, abs=1e-6)
    growing = [100_000_000 + number * 2_000_000 for number in range(50)]
    assert serving_swaps.memory_slope(growing) == pytest.approx(2)


@pytest.mark.slow
def test_the_command_writes_json_and_plot(
    export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "swaps"
    serving_swaps.main([f"--model={export.parent}", "--swaps=10", f"--out={out}", "--json"])
    lines = capsys.readouterr().out.splitlines()
    found: dict[str, Any] = json.loads(lines[-1])
    assert found == json.loads(out.with_suffix(".json").read_text())
    assert (found["swaps"], found["failed"], found["wrong"]) == (10, 0, 0)
    assert "10 swaps" in lines[0]
    assert out.with_suffix(".png").stat().st_size > 10_000
