"""Averages whose momentum rises, of weights that are those of Adam."""

from pathlib import Path

import keras
import numpy as np
import pytest

from mclrec_tf import NextItemModel, SASRec
from mclrec_tf.models.building import encoder_optimizer
from mclrec_tf.training.averaging_adam import AveragingAdam

MOMENTUM = 0.3


def steps_of(optimizer: keras.optimizers.Optimizer, count: int) -> tuple[list, list]:
    """The weight after each step, and the average."""
    weight = keras.Variable([1.0, -2.0])
    optimizer.build([weight])
    weights, averages = [], []
    for step in range(count):
        optimizer.apply([keras.ops.convert_to_tensor([0.5 + step, -1.0])], [weight])
        weights.append(weight.numpy())
        averages.append(optimizer._model_variables_moving_average[0].numpy())
    return weights, averages


def test_the_averages_are_those_of_the_formula() -> None:
    weights, averages = steps_of(AveragingAdam(0.1, use_ema=True, ema_momentum=MOMENTUM), 8)
    expected = weights[0]
    np.testing.assert_allclose(averages[0], expected)
    for step in range(1, 8):
        momentum = min(MOMENTUM, (1 + step) / (10 + step))
        expected = momentum * expected + (1 - momentum) * weights[step]
        np.testing.assert_allclose(averages[step], expected, rtol=1e-5)


def test_the_weights_are_those_of_adam() -> None:
    ours, _ = steps_of(AveragingAdam(0.1, use_ema=True, ema_momentum=MOMENTUM), 5)
    theirs, _ = steps_of(keras.optimizers.Adam(0.1, use_ema=True, ema_momentum=MOMENTUM), 5)
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_a_saved_model_has_it_again(ema: float, tmp_path: Path) -> None:
    model = NextItemModel(SASRec(num_items=9, dim=8, num_layers=1))
    model.compile(AveragingAdam(1e-3, use_ema=ema > 0, ema_momentum=ema))
    model.save(tmp_path / "model.keras")
    optimizer = keras.models.load_model(tmp_path / "model.keras").optimizer
    assert type(optimizer) is AveragingAdam
    assert (optimizer.use_ema, optimizer.ema_momentum) == (ema > 0, ema)


def test_a_saved_model_leaves_out_of_the_decay_what_it_left_out_before(tmp_path: Path) -> None:
    model = NextItemModel(SASRec(num_items=9, dim=8, num_layers=1))
    model.compile(encoder_optimizer(0.1, weight_decay=0.5))
    model.save(tmp_path / "model.keras")
    decayed = {}
    for one in (model, keras.models.load_model(tmp_path / "model.keras")):
        before = [weight.numpy() for weight in one.encoder_weights]
        one.optimizer._apply_weight_decay(one.encoder_weights)
        decayed[one] = [
            bool(np.any(weight.numpy() != old))
            for weight, old in zip(one.encoder_weights, before, strict=True)
        ]
    assert len(set(map(tuple, decayed.values()))) == 1
    names = [weight.name for weight in model.encoder_weights]
    chosen = dict(zip(names, decayed[model], strict=True))
    assert chosen["table"] and not chosen["gamma"]
