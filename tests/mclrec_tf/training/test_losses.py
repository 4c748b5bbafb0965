"""The losses equal their definitions, written out in plain Python."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf.training.losses import (
    batch_margin_regularization,
    info_nce,
    next_item_loss,
    row_margin_regularization,
)
from mclrec_tf.training.objectives import Objective, ReferenceObjective, ViewVectors


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


def loss_and_gradients(loss, vectors, candidates, labels):  # type: ignore[no-untyped-def]
    with tf.GradientTape() as tape:
        tape.watch([vectors, candidates])
        value = 3.0 * loss(vectors, candidates, labels)
    return value, *tape.gradient(value, [vectors, candidates])


def plain_next_item_loss(vectors: tf.Tensor, candidates: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    logits = tf.matmul(vectors, candidates, transpose_b=True)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    return tf.reduce_mean(losses)


@pytest.mark.parametrize("in_graph", [False, True])
@pytest.mark.parametrize("rows", [1, 17])
@pytest.mark.parametrize("cells", [1, 100, 2**26])
@pytest.mark.parametrize("length", [0.1, 3.0, 30.0])  # of the vectors, so scores up to 2,000
def test_next_item_loss(
    length: float, cells: int, rows: int, in_graph: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mclrec_tf.training.losses._CELLS", cells)
    random = np.random.default_rng(rows)
    vectors = tf.constant(random.normal(size=(rows, 4), scale=length))
    candidates = tf.constant(random.normal(size=(20, 4), scale=length))
    labels = tf.constant(random.integers(0, 20, rows), tf.int32)
    truth = loss_and_gradients(plain_next_item_loss, vectors, candidates, labels)
    run = tf.function(loss_and_gradients) if in_graph else loss_and_gradients
    single = (tf.cast(part, tf.float32) for part in (vectors, candidates))
    found = run(next_item_loss, *single, labels)
    # What float32 rounds of a score.
    rounding = 1e-5 + 2e-6 * length**2
    for one, other in zip(found, truth, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=rounding)


@pytest.mark.parametrize("where", ["vectors", "candidates"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_not_hidden(where: str, value: float) -> None:
    parts = {"vectors": np.ones((3, 4), np.float32), "candidates": np.ones((5, 4), np.float32)}
    parts[where][1, 2] = value
    loss = next_item_loss(
        **{name: tf.constant(part) for name, part in parts.items()}, labels=tf.zeros(3, tf.int32)
    )
    assert not np.isfinite(loss)


def test_no_predictions_no_loss() -> None:
    parts = tf.zeros((0, 4)), tf.ones((3, 4)), tf.zeros(0, tf.int32)
    loss, d_vectors, d_candidates = loss_and_gradients(next_item_loss, *parts)
    assert float(loss) == 0.0
    assert d_vectors.shape == (0, 4)
    assert not np.any(d_candidates)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_a_smoothed_loss_and_its_gradients_are_those_of_keras(smoothing: float) -> None:
    random = np.random.default_rng(4)
    vectors, candidates = (
        tf.constant(random.normal(size=(rows, 5)).astype(np.float32)) for rows in (7, 11)
    )
    labels = random.integers(0, 11, 7)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([vectors, candidates])
        ours = next_item_loss(vectors, candidates, tf.constant(labels), smoothing)
        scores = tf.matmul(vectors, candidates, transpose_b=True)
        theirs = tf.reduce_mean(
            keras.losses.categorical_crossentropy(
                tf.one_hot(labels, 11), scores, from_logits=True, label_smoothing=smoothing
            )
        )
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    for found, expected in zip(
        tape.gradient(ours, [vectors, candidates]),
        tape.gradient(theirs, [vectors, candidates]),
        strict=True,
    ):
        np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("objective", [Objective, ReferenceObjective])
def test_under_cosines_the_length_of_encoded_views_plays_no_part(objective: type) -> None:
    random = np.random.default_rng(5)
    h1, h2, z1, z2 = (tf.constant(random.normal(size=(6, 4)), tf.float32) for _ in range(4))
    given = {"lambda_": 0.1, "beta": 0.1, "temperature": 0.3, "learned_temperature": 0.5}
    cosine = objective(**given, similarity="cosine")
    views = ViewVectors(h1, h2, z1, z2)
    longer = views._replace(h1=9 * h1, h2=0.1 * h2)
    np.testing.assert_allclose(cosine.view_losses(views), cosine.view_losses(longer), rtol=1e-4)
    product = objective(**given)
    assert abs(product.view_losses(views).cl1_loss - product.view_losses(longer).cl1_loss) > 0.1


def test_a_view_of_length_0_has_finite_gradients_under_cosines() -> None:
    rows = [tf.constant([[1.0, 2.0], [0.0, 0.0], [3.0, 1.0]]) for _ in range(4)]
    with tf.GradientTape() as tape:
        tape.watch(rows)
        losses = Objective(lambda_=0.1, similarity="cosine").view_losses(ViewVectors(*rows))
        loss = sum(losses)
    for gradient in tape.gradient(loss, rows):
        assert np.isfinite(gradient).all()
