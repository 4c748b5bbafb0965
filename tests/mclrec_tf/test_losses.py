"""The losses equal their definitions, written out in plain Python."""

import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf.losses import (
    batch_margin_regularization,
    info_nce,
    next_item_loss,
    row_margin_regularization,
)


@pytest.fixture(params=[2, 5])
def pair(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(request.param)
    first, second = random.normal(size=(2, request.param, 4)).astype(np.float32)
    return first, second


def positives_and_negatives(
    first: np.ndarray, second: np.ndarray
) -> tuple[list[float], list[list[float]]]:
    rows = [*first, *second]
    size = len(first)
    positives, negatives = [], []
    for r, row in enumerate(rows):
        partner = (r + size) % (2 * size)
        positives.append(float(row @ rows[partner]))
        negatives.append(
            [float(row @ other) for o, other in enumerate(rows) if o not in (r, partner)]
        )
    return positives, negatives


@pytest.mark.parametrize("temperature", [1.0, 0.2])
def test_info_nce(pair: tuple[np.ndarray, np.ndarray], temperature: float) -> None:
    losses = []
    for positive, negatives in zip(*positives_and_negatives(*pair), strict=True):
        logits = np.array([positive, *negatives]) / temperature
        losses.append(np.log(np.exp(logits).sum()) - logits[0])
    np.testing.assert_allclose(info_nce(*pair, temperature), np.mean(losses), rtol=1e-5)


def test_row_margin_regularization(pair: tuple[np.ndarray, np.ndarray]) -> None:
    pulled, pushed = [], []
    for positive, negatives in zip(*positives_and_negatives(*pair), strict=True):
        lower, upper = min(positive, max(negatives)), max(positive, max(negatives))
        pulled.append(max(positive - lower, 0))
        pushed.extend(max(upper - negative, 0) for negative in negatives)
    expected = np.mean(pulled) + np.mean(pushed)
    np.testing.assert_allclose(row_margin_regularization(*pair), expected, rtol=1e-5)


def test_batch_margin_regularization(pair: tuple[np.ndarray, np.ndarray]) -> None:
    positives, rows = positives_and_negatives(*pair)
    negatives = [negative for row in rows for negative in row]
    lower, upper = (f(min(positives), max(negatives)) for f in (min, max))
    expected = np.mean([max(p - lower, 0) for p in positives]) + np.mean(
        [max(upper - n, 0) for n in negatives]
    )
    np.testing.assert_allclose(batch_margin_regularization(*pair), expected, rtol=1e-5)


@pytest.mark.parametrize("loss", [info_nce, batch_margin_regularization, row_margin_regularization])
def test_a_batch_of_one_has_nothing_to_contrast(loss) -> None:  # type: ignore[no-untyped-def]
    first, second = tf.constant([[1.0, 2.0]]), tf.constant([[0.5, -1.0]])
    with tf.GradientTape() as tape:
        tape.watch([first, second])
        value = loss(first, second)
    assert float(value) == pytest.approx(0.0, abs=1e-6)
    for gradient in tape.gradient(value, [first, second]):
        assert np.all(np.isfinite(gradient))


def test_next_item_loss() -> None:
    vectors = tf.constant([[1.0, 0.0], [0.0, 2.0]])
    candidates = tf.constant([[1.0, 1.0], [0.0, 3.0], [2.0, 0.0]])
    logits = vectors.numpy() @ candidates.numpy().T
    expected = np.mean(
        [np.log(np.exp(row).sum()) - row[i] for row, i in zip(logits, (2, 0), strict=True)]
    )
    loss = next_item_loss(vectors, candidates, tf.constant([2, 0]))
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_no_predictions_no_loss() -> None:
    loss = next_item_loss(tf.zeros((0, 4)), tf.zeros((3, 4)), tf.zeros(0, tf.int32))
    assert float(loss) == 0.0
