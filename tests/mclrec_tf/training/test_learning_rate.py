"""The course of the learning rate over a training."""

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf.models.building import build_model
from mclrec_tf.training.learning_rate import LearningRateCourse

# What a step computes does not matter here, and graphs take seconds to make.
pytestmark = pytest.mark.usefixtures("eager")

BATCHES = tf.data.Dataset.from_tensors((np.array([[3, 7, 2]]), np.array([[7, 2, 5]]))).repeat(4)
BATCHES = BATCHES.apply(tf.data.experimental.assert_cardinality(4))


class Rates(keras.callbacks.Callback):
    """The rate of each step."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[float] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seen.append(float(self.model.optimizer.learning_rate.numpy()))


def new_model() -> keras.Model:
    """The callback looks at the optimizer alone, so any model will do."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
    model.compile(keras.optimizers.Adam(0.5), loss="mse")
    return model


def rates_of(course: LearningRateCourse, epochs: int = 2, initial_epoch: int = 0) -> list[float]:
    rates = Rates()
    new_model().fit(
        BATCHES, epochs=epochs, initial_epoch=initial_epoch, callbacks=[course, rates], verbose=0
    )
    return rates.seen


def test_it_falls_along_half_a_cosine_to_the_end_of_the_last_epoch() -> None:
    expected = [0.1 * (1 + math.cos(math.pi * step / 8)) / 2 for step in range(8)]
    assert rates_of(LearningRateCourse(0.1, epochs=2)) == pytest.approx(expected)


def test_it_rises_in_the_first_steps() -> None:
    found = rates_of(LearningRateCourse(0.1, epochs=2, decay="none", warmup_steps=4))
    assert found == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1, 0.1, 0.1, 0.1])


def test_a_training_that_goes_on_has_the_rate_that_it_would_have_had() -> None:
    whole = rates_of(LearningRateCourse(0.1, epochs=3), epochs=3)
    rest = rates_of(LearningRateCourse(0.1, epochs=3), epochs=3, initial_epoch=2)
    assert rest == pytest.approx(whole[8:])


def test_an_optimizer_that_has_made_steps_before_falls_anew() -> None:
    model, rates = new_model(), Rates()
    model.optimizer.iterations.assign(10_000)
    course = LearningRateCourse(0.1, epochs=1, warmup_steps=100)
    model.fit(BATCHES, callbacks=[course, rates], verbose=0)
    assert rates.seen[0] == pytest.approx(0.1)


def test_at_the_end_the_optimizer_has_its_full_rate_again_and_the_logs_the_last(
    tmp_path: Path,
) -> None:
    model = new_model()
    logs = model.fit(BATCHES, callbacks=[LearningRateCourse(0.1, epochs=1)], verbose=0).history
    assert logs["learning_rate"] == pytest.approx([0.1 * (1 + math.cos(math.pi * 3 / 4)) / 2])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert float(loaded.optimizer.learning_rate.numpy()) == pytest.approx(0.1)


def test_the_augmenters_rate_keeps_its_proportion() -> None:
    model = build_model(9, dim=4, num_layers=1, augmenter_learning_rate=2e-3)

    seen: list[float] = []

    class Proportions(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            pair = (self.model.augmenter_optimizer, self.model.optimizer)
            other, rate = (float(one.learning_rate.numpy()) for one in pair)
            seen.append(other / rate)

    rate = float(model.optimizer.learning_rate.numpy())
    course = LearningRateCourse(rate, epochs=1)
    model.fit(BATCHES, callbacks=[course, Proportions()], verbose=0)
    assert seen == pytest.approx([2e-3 / rate] * 4)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"learning_rate": -1}, "learning_rate"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"epochs": 0}, "epochs"),
        ({"warmup_steps": -1}, "warmup_steps"),
        ({"decay": "linear"}, "decay must be one of"),
    ],
)
def test_errors_name_the_argument(arguments: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        LearningRateCourse(**{"learning_rate": 0.1, "epochs": 1, **arguments})
