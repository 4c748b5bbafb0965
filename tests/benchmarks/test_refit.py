"""Each night knows what came before it, and is asked for what its users do next."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import refit
from benchmarks.refit import MODELS, nights, summary

_SMALL = ("--dim=8", "--num-layers=1", "--members=1", "--learning-rate=0.01", "--epochs=2")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Users go round a ring of items, one step an hour; one item is new in the second night."""
    file = tmp_path_factory.mktemp("log") / "ring.csv"
    with file.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(("user_id", "item_id", "timestamp"))
        for user in range(40):
            for event in range(20):
                item = "new" if event > 16 and user == 3 else f"item-{(user + event) % 10}"
                writer.writerow((f"user-{user}", item, event))
    return file


def test_what_follows_is_each_users_first_event_of_the_time_until_the_next_night(log: Path) -> None:
    for known, following in nights(log, 2):
        assert len(known.user_ids) == len(following.targets) == 40
        for user, history, target in zip(
            known.user_ids, following.histories, following.targets, strict=True
        ):
            steps = len(history)
            items = [known.item_ids[item - 1] for item in history]
            assert items == [f"item-{(int(user[5:]) + step) % 10}" for step in range(steps)]
            if user != "user-3" or steps < 17:
                assert known.item_ids[target - 1] == f"item-{(int(user[5:]) + steps) % 10}"
    assert len({len(history) for known, _ in nights(log, 2) for history in known.histories}) == 2


def test_an_item_that_is_not_known_yet_ranks_behind_every_other(log: Path) -> None:
    _, (known, following) = nights(log, 2)
    assert following.targets[known.user_ids.index("user-3")] == 0


def test_a_log_without_times_has_one_night_before_each_users_last_event(tmp_path: Path) -> None:
    file = tmp_path / "lists.txt"
    before = ["1", "2", "3", "4", "5", "7", "8"]
    lines = [" ".join([str(user), *before[: 4 + user % 4], "6"]) for user in range(40)]
    file.write_text("\n".join(lines))
    [(known, following)] = nights(file, 3)
    assert {known.item_ids[target - 1] for target in following.targets} == {"6"}
    assert sorted(map(len, following.histories)) == sorted(4 + user % 4 for user in range(40))


def test_gains_are_of_the_same_users_over_all_nights() -> None:
    ranks = {"evaluated": [1, 20, 3], "refitted": [1, 2, 3], "from_scratch": [1, 20, 30]}
    models = {
        name: {"ranks": {policy: of for policy in refit.POLICIES}} for name, of in ranks.items()
    }
    found = summary([{"models": models}, {"models": models}])["unseen_items"]
    assert found["evaluated"] == {
        "hit_rate_at_10": round(2 / 3, 6),
        "ndcg_at_10": round((1 + 1 / np.log2(4)) / 3, 6),
    }
    gain, low, high = found["refitted"]["ndcg_at_10_gain"]
    assert gain == pytest.approx(1 / np.log2(3) / 3, abs=1e-6) and low < gain < high
    assert found["from_scratch"]["hit_rate_at_10_gain"][0] == pytest.approx(-1 / 3, abs=1e-6)


@pytest.mark.integration
@pytest.mark.usefixtures("eager")
def test_all_is_written_and_nothing_is_left(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "refit.json"
    refit.main([f"--data={log}", "--nights=1", f"--out={out}", *_SMALL])
    result = json.loads(out.read_text(), parse_constant=pytest.fail)
    [night] = result["nights"]
    assert night["users"] == 40 and set(night["seconds"]) == set(MODELS)
    assert 0 < result["unseen_items"]["refitted"]["ndcg_at_10"] <= 1
    assert list(tmp_path.iterdir()) == [out]
