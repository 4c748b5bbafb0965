"""What a baseline leaves open is chosen on validation."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from benchmarks import baselines, quality
from mclrec_tf.data.histories import HeldOut, Histories, Splits, leave_one_out
from mclrec_tf.data.interactions import load_interactions
from mclrec_tf.evaluation import decay, offline


def test_the_best_decay_on_validation_is_chosen() -> None:
    """Each history ends in 9, which three items follow, after one that the target follows 3 times.

    So it takes a decay of more than a third to find the target; the test would be best without.
    """
    train = Histories.from_lists([[1, 2]] * 3 + [[3, 4]] * 3 + [[9, 5], [9, 6], [9, 7]])
    asked = Histories.from_lists([[1, 9], [3, 9]])
    validation = HeldOut(asked, Histories.from_lists([[2, 4]]).items)
    test = HeldOut(asked, Histories.from_lists([[5, 5]]).items)
    found = baselines.baseline("transitions", Splits(train, validation, test), 9)
    assert (found.choice["choice"]["decay"], found.choice["choice"]["reach"]) == (0.6, 10)
    values = [row["value"] for row in found.choice["choice"]["tried"]]
    fourth = pytest.approx(1 / math.log2(5), abs=1e-6)
    assert values[0] < values[1] == fourth and values[2:] == [1, 1, 1, 1]
    assert found.validation["unseen_items_ndcg_at_10"] == 1


def test_the_test_split_is_read_once(
    ring_log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    rank_targets = offline.rank_targets

    def noted(scorer: Any, histories: Histories, targets: Any, **options: Any) -> Any:
        read.append(targets.tolist())
        return rank_targets(scorer, histories, targets, **options)

    monkeypatch.setattr(offline, "rank_targets", noted)
    monkeypatch.setattr(decay, "rank_targets", noted)
    command = [f"--data={ring_log}", "--method=transitions", f"--out={tmp_path}"]
    quality.main(command)
    _, validation, test = leave_one_out(load_interactions(str(ring_log)).histories)
    assert read == [validation.targets.tolist()] * len(decay.DECAYS) + [test.targets.tolist()]

    result = json.loads((tmp_path / "transitions-ring-0.json").read_text())
    assert result["choice"]["by"] == "unseen_items_ndcg_at_10"
    assert result["choice"]["decay"] == 0.0  # each step of the ring follows from the last
    assert result["validation"]["all_items"]["hit_rate_at_5"] == 1
    assert result["test"]["all_items"]["ndcg_at_10"] == 1
    quality.main(command)
    assert len(read) == len(decay.DECAYS) + 1
