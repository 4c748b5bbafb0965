"""The example's encoder learns under any update rule, and keeps the contract it shows."""

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_encoder.py"


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLE))


@pytest.mark.integration
@pytest.mark.parametrize(
    "rule", ["alternating", "joint", pytest.param("maml", marks=pytest.mark.slow)]
)
def test_learns(example: dict[str, Any], rule: str, capsys: pytest.CaptureFixture[str]) -> None:
    results = example["main"]([f"--rule={rule}", "--events=4000", "--epochs=3"])
    assert "epoch 3: loss" in capsys.readouterr().out
    # It reaches .107; without training it has .008.
    assert results["unseen_items_ndcg_at_10"] > 0.05


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--epochs=-1", "--epochs must be at least 1, got -1."),
        ("--events=10", "--events: num_events must be 1,000 to"),
    ],
)
def test_wrong_options_are_refused(
    example: dict[str, Any], option: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        example["main"]([option])
    assert ended.value.code == 2 and message in capsys.readouterr().err


def test_is_a_fading_mean(example: dict[str, Any]) -> None:
    encoder = example["FadingMean"](num_items=9, dim=2)
    encoder.build()
    encoder.project.kernel.assign(np.eye(2))
    encoder.rate.assign(np.log(np.expm1(np.log([2.0, 3.0]))))  # fades to a half, to a third
    table = encoder.item_embedding.table.numpy()
    found = encoder(tf.constant([[4, 7, 0, 5, 0]]), tf.constant([4]))
    # Item 7 stands two positions before item 5, item 4 three; the position between is masked.
    weights = 1.0 / np.array([[8.0, 27.0], [4.0, 9.0], [1.0, 1.0]])
    expected = (weights * table[[4, 7, 5]]).sum(axis=0) / weights.sum(axis=0)
    np.testing.assert_allclose(found[0, 3], expected, rtol=1e-5)
    last = encoder(tf.constant([[4, 7, 0, 5, 0]]), tf.constant([4]), last_only=True)
    np.testing.assert_allclose(last[0], expected, rtol=1e-5)
