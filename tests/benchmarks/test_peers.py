"""Another library's model is trained on our split and ranked by our rule."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from benchmarks import peers, table, time_to_quality
from mclrec_tf.data.histories import HeldOut, Histories
from mclrec_tf.data.interactions import load_interactions
from mclrec_tf.evaluation.offline import rank_targets, summarize

SMALL = ("--dim=16", "--num-layers=1", "--dropout=0.1", "--batch-size=16", "--epochs=3")


class Killed(BaseException):
    """Stands for the end of the process."""


def _written(folder: Path, items: np.ndarray, users: np.ndarray) -> Path:
    np.save(folder / "items.npy", items)
    np.save(folder / "test_users.npy", users)
    return folder


def _random_split(users: int, items: int) -> HeldOut:
    random = np.random.default_rng(0)
    histories = [random.integers(1, items + 1, random.integers(1, 9)) for _ in range(users)]
    targets = random.integers(1, items + 1, users).astype(np.int32)
    return HeldOut(Histories.from_lists([history.tolist() for history in histories]), targets)


def test_vectors_are_ranked_as_the_scores_of_a_model(tmp_path: Path) -> None:
    held_out = _random_split(users=600, items=40)
    random = np.random.default_rng(1)
    items = random.normal(size=(41, 8)).astype(np.float32)
    # A model whose vector of a user is the mean of the items of the history.
    users = np.stack([items[history].mean(axis=0) for history in held_out.histories])

    def model(history: tf.Tensor) -> tf.Tensor:
        real = tf.cast(history > 0, tf.float32)[:, :, None]
        means = tf.reduce_sum(tf.gather(items, history) * real, 1) / tf.reduce_sum(real, 1)
        return tf.matmul(means, items, transpose_b=True)

    found = peers._metrics(_written(tmp_path, items, users), "test", held_out)
    assert found == pytest.approx(summarize(rank_targets(model, *held_out)), abs=1e-6)


def test_what_the_peer_cannot_rank_comes_last(tmp_path: Path) -> None:
    items = np.array([[np.nan], [3.0], [2.0], [np.nan], [1.0]], np.float32)
    histories = Histories.from_lists([[1], [1], [1], [3]])
    # The item without a vector, the best of the others, the worst of them, a user without one.
    targets = np.array([3, 2, 4, 2], np.int32)
    users = np.array([[1.0], [1.0], [1.0], [np.nan]], np.float32)
    found = peers._metrics(_written(tmp_path, items, users), "test", HeldOut(histories, targets))
    # all_items: of four items the ranks are 4, 2, 3, 4; unseen_items: 3, 1, 2, 3.
    assert found["all_items_mrr_at_5"] == pytest.approx(np.mean([1 / 4, 1 / 2, 1 / 3, 1 / 4]))
    assert found["unseen_items_mrr_at_5"] == pytest.approx(np.mean([1 / 3, 1, 1 / 2, 1 / 3]))


def test_an_option_out_of_place_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        peers.main(["--quick", "--data=log.txt"])
    assert "not allowed with argument" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        peers.main(["--quick", "--patience=0"])
    assert "--patience must be at least 1, got 0." in capsys.readouterr().err


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environment of the peer, made anew unless MCLREC_PEER_ENVIRONMENT names one."""
    named = os.environ.get("MCLREC_PEER_ENVIRONMENT")
    return Path(named) if named else tmp_path_factory.mktemp("peer") / "environment"


def _run(log: Path, out: Path, environment: Path) -> dict[str, Any]:
    peers.main(
        [f"--data={log}", f"--out={out}", f"--environment={environment}", "--seed=1", *SMALL]
    )
    [file] = out.glob("*.json")
    return json.loads(file.read_text(), parse_constant=pytest.fail)


@pytest.mark.slow
def test_a_quick_run_makes_a_result(tmp_path: Path, environment: Path) -> None:
    peers.main(["--quick", f"--out={tmp_path}", f"--environment={environment}"])
    [result] = table.read_results(tmp_path)
    assert result["epochs"] == len(result["curve"]) == 1
    assert 0 < result["test"]["all_items"]["hit_rate_at_20"] < 1


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_and_its_result_is_shown_beside_ours(
    ring_log: Path, tmp_path: Path, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _run(ring_log, tmp_path / "whole", environment)
    with monkeypatch.context() as patch:
        told = []

        def die(peer: Any) -> None:
            told.append(peer)
            if len(told) == 3:
                raise Killed
            go_on(peer)

        go_on = peers._Peer.go_on
        patch.setattr(peers._Peer, "go_on", die)
        with pytest.raises(Killed):
            _run(ring_log, tmp_path / "killed", environment)
    resumed = _run(ring_log, tmp_path / "killed", environment)
    assert [file.name for file in (tmp_path / "killed").iterdir()] == [
        "rectools-sasrec-ring-1.json"
    ]
    for one, other in zip(whole["curve"], resumed["curve"], strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-3)
    # It learns: those who walk round a ring go on with the item after the last.
    losses = [epoch["loss"] for epoch in whole["curve"]]
    assert losses == sorted(losses, reverse=True)
    assert whole["items"] == len(load_interactions(str(ring_log)).item_ids)
    assert whole["packages"]["peer:RecTools"] and whole["packages"]["tensorflow"]
    assert "| rectools-sasrec |" in table.tables([whole])
    shown = time_to_quality.compare([whole, resumed | {"name": "again"}], whole["monitor"])
    assert len(shown["curves"]) == 2
