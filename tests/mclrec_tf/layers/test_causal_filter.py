"""The filter equals its definition, written out in plain Python."""

import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf.layers import CausalFilter, Tokens

DIM = 3
LENGTHS = [1, 7, 0, 2, 5]
MASKED = {(1, 0), (1, 4), (4, 3)}  # row, position


def written_out(layer: CausalFilter, x: np.ndarray, row: int, position: int) -> np.ndarray:
    weights, beta = np.exp(layer.log_weights.numpy()), layer.beta.numpy()
    read = [
        back
        for back in range(layer.window)
        if position - back >= 0 and (back == 0 or (row, position - back) not in MASKED)
    ]
    total = sum(weights[back] * x[row, position - back] for back in read)
    low = total / sum(weights[back] for back in read)
    return low + beta**2 * (x[row, position] - low)


@pytest.fixture(params=[1, 3, 9])
def layer(request: pytest.FixtureRequest) -> CausalFilter:
    layer = CausalFilter(request.param)
    layer.build((None, DIM))
    layer.log_weights.assign(tf.random.stateless_normal(layer.log_weights.shape, seed=(1, 2)))
    return layer


def test_equals_its_definition(layer: CausalFilter) -> None:
    ids = np.array(np.arange(7) < np.array(LENGTHS)[:, None], np.int32)
    ids[tuple(zip(*MASKED, strict=True))] = 0
    tokens = Tokens.of(tf.constant(ids), tf.constant(LENGTHS))
    x = np.random.default_rng(0).normal(size=(*ids.shape, DIM)).astype(np.float32)
    flat = tokens.flat(tf.constant(x))
    found = tokens.padded(layer(flat, tokens))
    last = layer(flat, tokens, last_only=True)
    for row, length in enumerate(LENGTHS):
        for position in range(length):
            expected = written_out(layer, x, row, position)
            np.testing.assert_allclose(found[row, position], expected, atol=1e-5)
        np.testing.assert_allclose(last[row], found[row, max(length - 1, 0)], atol=1e-6)


def test_starts_as_the_moving_average() -> None:
    layer = CausalFilter(2)
    layer.build((None, 1))
    layer.beta.assign([0.0])
    tokens = Tokens.of(tf.constant([[1, 1, 1], [1, 1, 0]]), tf.constant([3, 2]))
    found = layer(tf.constant([[2.0], [4.0], [8.0], [10.0], [20.0]]), tokens)
    np.testing.assert_allclose(found[:, 0], [2.0, 3.0, 6.0, 10.0, 15.0])


def test_a_constant_passes_unchanged(layer: CausalFilter) -> None:
    tokens = Tokens.of(tf.ones((2, 6), tf.int32), tf.constant([6, 4]))
    x = tf.fill((10, DIM), 2.5)
    np.testing.assert_allclose(layer(x, tokens), x, rtol=1e-6)


def test_bad_window() -> None:
    with pytest.raises(ValueError, match="window must be at least 1, got 0"):
        CausalFilter(0)
