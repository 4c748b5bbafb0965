"""The measurements on tiny data: what they print, and that what they count is right."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from benchmarks import cost_of_size, operation_profile, training_cost, training_speed
from benchmarks.arithmetic import Shape, epoch_multiply_adds
from benchmarks.synthetic import BEAUTY_ITEMS, beauty_like
from mclrec_tf.data.histories import leave_one_out

TINY = ("--users=12", "--items=60")


def test_synthetic_users_have_the_shape_of_beauty():
    train = leave_one_out(beauty_like()).train
    assert np.maximum(train.lengths - 1, 0).sum() == pytest.approx(131_413, abs=10)
    assert train.items.min() >= 1 and train.items.max() <= BEAUTY_ITEMS
    assert train.lengths.max() == pytest.approx(202, abs=5)


@pytest.mark.integration
@pytest.mark.usefixtures("eager")
def test_training_speed_prints_json(capsys: pytest.CaptureFixture[str]):
    training_speed.main([*TINY, "--epochs=1", "--authors-batches=1", "--json", "--seed=5"])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["speedup"] == pytest.approx(
        found["authors_seconds_per_epoch"] / found["seconds_per_epoch"], rel=0.01
    )
    assert found["seed"] == 5 and found["version"] and found["machine"] and found["time"]
    assert found["configuration"]["ours"]["preset"] == "paper"
    assert found["configuration"]["authors"]["preset"] == "reference"
    assert found["floor_seconds_per_epoch"] > 0


def test_multiply_adds_of_one_window_by_hand():
    shape = Shape(num_items=10, dim=4, inner_dim=8, num_layers=1)
    found = epoch_multiply_adds(shape, np.array([3]), batches=1)
    block = 3 * (4 * 16 + 2 * 32) + 2 * 4 * 6  # tokens, then 1 + 2 + 3 pairs
    assert found["history"] == 3 * block
    assert found["softmax"] == 3 * 3 * 10 * 4
    # Two views of three items, one time in three of one: keys and values, query and the rest.
    lengths = [3, 3, 1]
    view = sum(n * 2 * 16 + 2 * 16 + 2 * 32 + 2 * 4 * n for n in lengths) * 2 / 3
    assert found["views"] == pytest.approx(4 * view)


def test_operation_times_by_type():
    left = tf.random.normal([500, 500])
    products = tf.function(lambda: tf.reduce_sum(tf.matmul(tf.matmul(left, left), left)))
    products()
    found = operation_profile.operation_times(products)
    assert next(iter(found)) == "MatMul" and found["MatMul"] > 0
    assert sum(operation_profile.shares(found).values()) == pytest.approx(1, abs=0.01)


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_cost_of_one_size():
    histories = beauty_like(60, 50)
    cost = cost_of_size.training_cost(histories.without_last(2), 50, steps=1, seconds=60)
    assert cost["steps_timed"] <= 2 and cost["seconds_per_epoch"] > 0
    ranked = cost_of_size.evaluation_cost(histories, 50, users=20)
    assert ranked["users_ranked"] == 20 and ranked["peak_memory_gb"] > 0


@pytest.mark.slow
def test_training_cost_writes_json_and_plot(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    small = ["--items", "50", "100", "--users", "30", "60", "--base-items=50", "--base-users=40"]
    out = tmp_path / "cost"
    training_cost.main([*small, "--steps=2", "--ranked-users=10", f"--out={out}", "--json"])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found == json.loads(out.with_suffix(".json").read_text())
    assert [row["items"] for row in found["training_by_items"]] == [50, 100]
    assert [row["users"] for row in found["training_by_users"]] == [30, 60]
    assert [row["users_ranked"] for row in found["evaluation_by_items"]] == [10, 10]
    assert found["below_memory_limit"]
    assert out.with_suffix(".png").stat().st_size > 10_000


@pytest.mark.benchmark
def test_our_schedule_is_many_times_faster_on_beauty(
    shared_dir: Path, capsys: pytest.CaptureFixture[str]
):
    log = shared_dir / "data" / "beauty.txt.gz"
    training_speed.main([f"--data={log}", "--json"])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["predictions"] == 131_413 and found["authors_batches"] == 514
    assert found["speedup"] > 10
