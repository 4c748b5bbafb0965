"""What Keras offers for training works with two optimizers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf import MCLRec, SASRec
from mclrec_tf.data.batches import training_batches
from tests.mclrec_tf.ring import (
    HISTORY,
    ITEMS,
    TARGETS,
    all_variables,
    changes,
    make_model,
    ring_walks,
    values,
)

SGD = keras.optimizers.SGD
EAGER = {"run_eagerly": True}


def step(model: MCLRec) -> dict[str, Any]:
    return model.train_on_batch(tf.constant(HISTORY), tf.constant(TARGETS), return_dict=True)


def norm(arrays: list[np.ndarray]) -> float:
    return float(np.sqrt(sum(np.sum(np.square(array)) for array in arrays)))


def test_each_optimizer_has_its_learning_rate_and_schedule() -> None:
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([0], [0.1, 0.0])
    model = make_model(optimizers=(SGD(schedule), SGD(0.05)), compile_arguments=EAGER)
    theta, phi = values(model.encoder_weights), values(model.augmenter_weights)
    step(model)
    assert norm(changes(theta, model.encoder_weights)) > 0
    theta, phi = values(model.encoder_weights), values(model.augmenter_weights)
    step(model)  # now at rate 0
    assert norm(changes(theta, model.encoder_weights)) == 0
    assert norm(changes(phi, model.augmenter_weights)) > 0


@pytest.mark.parametrize("rule", ["alternating", "joint", "maml"])
def test_gradient_clipping(rule: str) -> None:
    optimizers = (SGD(1.0, global_clipnorm=1e-3), SGD(1.0, clipnorm=1e-4))
    model = make_model(optimizers=optimizers, update_rule=rule, compile_arguments=EAGER)
    theta, phi = values(model.encoder_weights), values(model.augmenter_weights)
    step(model)
    # Looked-up rows count once, with the sum of their gradients: the norm is met exactly.
    np.testing.assert_allclose(norm(changes(theta, model.encoder_weights)), 1e-3, rtol=1e-2)
    assert all(norm([c]) < 1.01e-4 for c in changes(phi, model.augmenter_weights))


def test_gradient_accumulation() -> None:
    optimizers = [SGD(0.1, gradient_accumulation_steps=2) for _ in range(2)]
    model = make_model(optimizers=tuple(optimizers), compile_arguments=EAGER, dropout=0.0)
    before = values(model.trainable_weights)
    step(model)
    assert norm(changes(before, model.trainable_weights)) == 0
    step(model)
    assert all(np.any(change) for change in changes(before, model.trainable_weights))


def test_weights_end_as_their_averages() -> None:
    optimizers = tuple(SGD(0.1, use_ema=True, ema_momentum=0.5) for _ in range(2))
    model = make_model(optimizers=optimizers, compile_arguments=EAGER)
    at_the_end: list[list[np.ndarray]] = []
    look = keras.callbacks.LambdaCallback(
        on_train_end=lambda logs: at_the_end.append(values(model.trainable_weights))
    )
    batches = training_batches(ring_walks(20), 10, 40)
    model.fit(batches, epochs=1, verbose=0, callbacks=[look])
    averages = [
        average
        for optimizer in (model.optimizer, model.augmenter_optimizer)
        for average in optimizer._model_variables_moving_average
    ]
    # Keras' callbacks find them there already, so that one may put others in their place.
    for place in (at_the_end[0], model.trainable_weights):
        assert norm(changes(values(averages), place)) == 0


def test_averages_of_augmenters_that_never_trained() -> None:
    optimizers = tuple(SGD(0.1, use_ema=True) for _ in range(2))
    model = make_model(optimizers=optimizers, compile_arguments=EAGER, beta=0.0)
    before = values(model.augmenter_weights)
    model.fit(training_batches(ring_walks(20), 10, 40), epochs=1, verbose=0)
    assert norm(changes(before, model.augmenter_weights)) == 0


@pytest.mark.integration
def test_steps_per_execution() -> None:
    results = []
    for steps in (1, 3):
        model = make_model(compile_arguments={"steps_per_execution": steps}, dropout=0.0)
        batches = training_batches(ring_walks(40), 10, 40)
        history = model.fit(batches, epochs=2, verbose=0).history
        results.append((model.get_weights(), history["loss"]))
    (weights, losses), (others, other_losses) = results
    np.testing.assert_allclose(losses, other_losses, rtol=1e-3)
    for a, b in zip(weights, others, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-3)


@pytest.fixture
def policy() -> Iterator[Callable[[str], None]]:
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize(
    "rule",
    [
        "alternating",
        "joint",
        # Their eight steps are more than a unit test has.
        pytest.param("maml", marks=pytest.mark.integration),
        pytest.param("maml_first_order", marks=pytest.mark.integration),
    ],
)
@pytest.mark.parametrize("name", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(
    name: str, rule: str, policy: Callable[[str], None], tmp_path: Path
) -> None:
    policy(name)
    model = make_model(update_rule=rule, compile_arguments=EAGER)
    scaled = name == "mixed_float16"
    kind = keras.mixed_precision.LossScaleOptimizer
    for optimizer in (model.optimizer, model.augmenter_optimizer):
        assert isinstance(optimizer, kind) is scaled
    before = values(model.trainable_weights)
    results = [step(model) for _ in range(8)]
    assert all(np.isfinite(list(r.values())).all() for r in results)
    assert results[-1]["loss"] < results[0]["loss"]
    assert all(weight.dtype == "float32" for weight in model.trainable_weights)
    assert all(np.any(change) for change in changes(before, model.trainable_weights))

    if rule != "alternating":
        return
    history = tf.constant(HISTORY)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        model.predict(history, verbose=0), loaded.predict(history, verbose=0)
    )
    for a, b in zip(all_variables(model), all_variables(loaded), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_xla_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras would turn it on on every machine with a GPU, where nothing could be trained."""
    gpu = tf.config.PhysicalDevice("/physical_device:GPU:0", "GPU")
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda *_: [gpu])
    assert MCLRec(SASRec(ITEMS, dim=8)).jit_compile is False  # one that only predicts
    assert make_model().jit_compile is False
    assert make_model(compile_arguments={"jit_compile": "auto"}).jit_compile is False
    config = make_model().get_compile_config()
    assert config["jit_compile"] is False
