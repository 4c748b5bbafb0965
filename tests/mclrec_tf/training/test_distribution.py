"""Training on two replicas, with two logical CPU devices in a process of its own."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def run(what: str) -> Any:
    result = subprocess.run(
        [sys.executable, "-m", "tests.mclrec_tf.training.distributed_steps", what],
        cwd=Path(__file__).resolve().parents[3],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr[-5000:]
    return json.loads(result.stdout.splitlines()[-1])


@pytest.mark.integration
def test_every_prediction_weighs_the_same_however_the_batch_is_split() -> None:
    for found in run("predictions").values():
        assert found["difference"] < 1e-6
        one, two = found["losses"]
        assert two == pytest.approx(one, rel=1e-5)


@pytest.mark.slow
def test_contrast_trains_on_replicas() -> None:
    for results in run("contrast").values():
        assert {"cl1_loss", "cl2_loss", "effective_rank_z2"} < set(results)
        assert all(math.isfinite(value) for value in results.values())
