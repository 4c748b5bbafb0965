"""Parity with the authors' code: losses, gradients, weights after one and three iterations."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf import MCLRec, PostNormSASRec
from mclrec_tf.layers import View
from mclrec_tf.training.update_rules import Batch
from tests.mclrec_tf.models.golden import (
    assign,
    augmenter_assignments,
    by_name,
    encoder_assignments,
)


class TorchAdam(keras.optimizers.Adam):
    """Adam that adds epsilon to the bias-corrected denominator, where PyTorch adds it."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        step = tf.cast(self.iterations + 1, tf.float32)
        plain = self.epsilon
        self.epsilon = plain * tf.sqrt(1.0 - self.beta_2**step)
        super().update_step(gradient, variable, learning_rate)
        self.epsilon = plain


@pytest.fixture(scope="module")
def golden(shared_dir: Path) -> Any:
    return np.load(shared_dir / "golden" / "golden_mclrec.npz")


@pytest.fixture
def model(golden: Any) -> MCLRec:
    return make_model(golden, "reference")


def make_model(golden: Any, preset: str) -> MCLRec:
    # The authors' n_items counts the padding.
    encoder = PostNormSASRec(num_items=49, dim=16, max_length=12, inner_dim=64, dropout=0.0)
    model = MCLRec(encoder, preset=preset, lambda_=0.1, beta=0.05)
    assign(encoder_assignments(encoder), golden)
    assign(augmenter_assignments(model), golden)
    model.compile(TorchAdam(1e-3, epsilon=1e-8), TorchAdam(1e-3, epsilon=1e-8))
    return model


@pytest.fixture
def batch(golden: Any) -> Batch:
    history, lengths = golden["in/item_seq"], golden["in/item_len"]
    targets = np.zeros_like(history)
    targets[np.arange(len(lengths)), lengths - 1] = golden["in/target"]
    views = tuple(
        View(tf.constant(golden[f"in/{name}"]), tf.constant(golden[f"in/{name}_len"]))
        for name in ("aug1", "aug2")
    )
    return Batch(tf.constant(history), tf.constant(targets), views)


def losses_of(model: MCLRec, batch: Batch) -> dict[str, float]:
    rec_loss = model._next_item_loss(batch)
    views = model._view_losses(model._encode_views(batch))
    return {
        "L_rec": rec_loss,
        "L_cl1": views.cl1_loss,
        "L_cl2": views.cl2_loss,
        "R_total_0.1sum": 0.1 * views.regularization,
        "L0": model.objective.encoder_loss(rec_loss, views),
        "L1": model.objective.augmenter_loss(views),
    }


def test_vectors_and_scores(model: MCLRec, golden: Any) -> None:
    history = golden["in/item_seq"]
    np.testing.assert_allclose(model.user_vectors(history), golden["f64/out/h"], atol=3e-6)
    expected = golden["f64/out/eval_scores"]
    np.testing.assert_allclose(model(history)[:, 1:], expected[:, 1:], atol=3e-6)
    assert np.all(np.isneginf(model(history)[:, 0]))


def test_losses(model: MCLRec, batch: Batch, golden: Any) -> None:
    for name, value in losses_of(model, batch).items():
        np.testing.assert_allclose(value, golden[f"f64/out/{name}"], atol=5e-6, err_msg=name)


def test_gradients(model: MCLRec, batch: Batch, golden: Any) -> None:
    encoder, augmenters = encoder_assignments(model.encoder), augmenter_assignments(model)
    with tf.GradientTape(persistent=True) as tape:
        losses = losses_of(model, batch)
    for loss, variables in (("L0", encoder), ("L1", augmenters)):
        gradients = tape.gradient(losses[loss], {n: v.value for n, v in variables.items()})
        for name, gradient in by_name(gradients).items():
            expected = golden[f"f64/grad_{loss}/{name}"]
            np.testing.assert_allclose(gradient, expected, atol=2e-6, err_msg=name)


@pytest.mark.parametrize("iterations", [1, 3])
def test_weights_after_iterations(
    model: MCLRec, batch: Batch, golden: Any, iterations: int
) -> None:
    for iteration in range(iterations):
        losses = model.update_rule.update(model, batch)
        # Keras computes Adam's 1 - 0.999^t in float32, which moves each step by 1e-5 of itself.
        step1, step2 = golden[f"f64/iter{iterations}/losses"][3 * iteration :][:2]
        np.testing.assert_allclose(losses["loss"], step1, rtol=5e-6)
        np.testing.assert_allclose(losses["augmenter_loss"], step2, rtol=5e-6)
    variables = {**encoder_assignments(model.encoder), **augmenter_assignments(model)}
    for name, weight in by_name(variables).items():
        if name.endswith("attn.k.bias"):
            continue  # Its true gradient is 0: Adam makes steps of rounding noise.
        expected = golden[f"f64/iter{iterations}/after/{name}"]
        np.testing.assert_allclose(weight, expected, atol=2e-6, err_msg=name)


def test_paper_losses_from_the_same_vectors(batch: Batch, golden: Any) -> None:
    """The paper's objectives from the authors' float64 vectors, where the two readings differ."""
    logits, targets = golden["f64/out/logits"][:, 1:], golden["in/target"] - 1
    right = logits[np.arange(len(targets)), targets]
    rec_loss = np.mean(np.log(np.exp(logits).sum(axis=1)) - right)
    positives = golden["f64/out/contrast_z1_z2.pos"]
    negatives = golden["f64/out/contrast_z1_z2.neg"]
    lower = min(positives.min(), negatives.max())
    upper = max(positives.min(), negatives.max())
    pulled, pushed = np.maximum(positives - lower, 0), np.maximum(upper - negatives, 0)
    regularization = pulled.mean() + pushed.mean()
    cl1, cl2 = golden["f64/out/L_cl1"], golden["f64/out/L_cl2"]

    losses = losses_of(make_model(golden, "paper"), batch)
    expected = {
        "L_rec": rec_loss,
        "L_cl1": cl1,
        "L_cl2": cl2,
        "R_total_0.1sum": 0.1 * regularization,
        "L0": rec_loss + 0.1 * cl1 + 0.05 * (cl2 + 0.1 * regularization),
        "L1": cl2 + 0.05 * 0.1 * regularization,
    }
    for name, value in losses.items():
        np.testing.assert_allclose(value, expected[name], atol=5e-6, err_msg=name)
