"""Yesterday is a part of today, and a warm start begins where yesterday ended."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import warm_start
from benchmarks.warm_start import yesterday_and_today

_SMALL = ("--dim=8", "--num-layers=1", "--learning-rate=0.01", "--ema=0", "--dropout=0")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Users go round a ring of items; two items and ten users come late."""
    file = tmp_path_factory.mktemp("log") / "ring.csv"
    random = np.random.default_rng(0)
    with file.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(("user_id", "item_id", "timestamp"))
        for user in range(60):
            late = user >= 50
            items, place = (12 if late else 10), int(random.integers(10))
            for event in range(10):
                item = f"item-{(place + event) % items:02d}"
                writer.writerow((f"user-{user}", item, event + 10 * late))
    return file


def test_yesterday_has_the_first_events(log: Path) -> None:
    yesterday, today = yesterday_and_today(log, 0.8)
    assert len(yesterday.user_ids) == 50 and len(today.user_ids) == 60
    assert len(yesterday.item_ids) == 10 and len(today.item_ids) == 12
    for row, user in enumerate(yesterday.user_ids):
        before = [yesterday.item_ids[id_ - 1] for id_ in yesterday.histories[row]]
        now = [today.item_ids[id_ - 1] for id_ in today.histories[today.user_ids.index(user)]]
        assert now[: len(before)] == before


@pytest.mark.integration
@pytest.mark.usefixtures("eager")
def test_a_warm_start_is_ahead_and_all_is_written(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "warm"
    warm_start.main([f"--data={log}", "--share=0.8", "--epochs=4", f"--out={out}", *_SMALL])
    result = json.loads(out.with_suffix(".json").read_text(), parse_constant=pytest.fail)
    assert out.with_suffix(".png").stat().st_size > 10_000
    assert result["new_items"] == 2
    first = {name: run["curve"][0]["loss"] for name, run in result["runs"].items()}
    assert first["warm"] < first["scratch"]
    assert set(result["curves"]) == {"scratch-ring-0", "warm-ring-0"}
