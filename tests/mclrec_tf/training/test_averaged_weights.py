"""The averages of the encoder's optimizer change places with the encoder's weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf import MCLRec, SASRec
from mclrec_tf.training.averaged_weights import averaged_weights, swap_averages


@pytest.fixture
def model() -> MCLRec:
    keras.utils.set_random_seed(0)
    model = MCLRec(SASRec(12, dim=8, max_length=5, num_layers=1), seed=0)
    model.compile(
        keras.optimizers.Adam(0.1, use_ema=True, ema_momentum=0.5),
        keras.optimizers.Adam(0.1),
        run_eagerly=True,
    )
    return model


def train(model: MCLRec, steps: int) -> None:
    history = tf.constant([[1, 2, 3, 0], [4, 5, 6, 7]])
    targets = tf.constant([[2, 3, 4, 0], [5, 6, 7, 8]])
    for _ in range(steps):
        model.train_step((history, targets))


def values(variables: list[keras.Variable]) -> list[np.ndarray]:
    return [variable.numpy() for variable in variables]


def test_averages_change_places_with_the_weights_of_the_encoder_alone(model: MCLRec) -> None:
    train(model, 1)
    first = values(model.encoder_weights)
    train(model, 1)
    second, augmenters = values(model.encoder_weights), values(model.augmenter_weights)
    with averaged_weights(model):
        for average, a, b in zip(model.encoder_weights, first, second, strict=True):
            np.testing.assert_allclose(average, (a + b) / 2, rtol=1e-5, atol=1e-7)
        for now, before in zip(model.augmenter_weights, augmenters, strict=True):
            np.testing.assert_array_equal(now, before)
    for now, before in zip(model.encoder_weights, second, strict=True):
        np.testing.assert_array_equal(now, before)


def test_before_the_first_step_there_are_none(model: MCLRec) -> None:
    before = values(model.encoder_weights)
    swap_averages(model)
    for now, old in zip(model.encoder_weights, before, strict=True):
        np.testing.assert_array_equal(now, old)


def test_fit_ends_with_the_averages(model: MCLRec) -> None:
    data = tf.constant([[1, 2, 3, 4]]), tf.constant([[2, 3, 4, 5]])
    model.fit(*data, epochs=2, verbose=0)
    averages = model.optimizer._model_variables_moving_average
    for weight, average in zip(model.encoder_weights, averages, strict=True):
        np.testing.assert_array_equal(weight, average)
