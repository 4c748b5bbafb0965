"""Attention over tokens equals Keras' attention over padded rows."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf.layers import CausalAttention, Tokens
from tests.mclrec_tf.layers.keras_attention import keras_attention

DIM = 8
LENGTHS = [1, 17, 3, 2, 9, 0, 4]
MASKED = [(1, 5), (1, 6), (3, 1), (4, 3), (6, 0), (6, 1)]  # row, position


@pytest.fixture
def ids() -> tf.Tensor:
    ids = np.array(np.arange(17) < np.array(LENGTHS)[:, None], np.int32)
    ids[tuple(zip(*MASKED, strict=True))] = 0
    return tf.constant(ids)


@pytest.fixture(params=[1, 2, 4])
def attention(request: pytest.FixtureRequest) -> CausalAttention:
    layer = CausalAttention(request.param, dropout=0.0)
    layer.build((None, DIM))
    random = np.random.default_rng(3)
    for weight in layer.trainable_variables:
        weight.assign(random.normal(size=weight.shape))
    return layer


def test_equals_keras_attention(attention: CausalAttention, ids: tf.Tensor) -> None:
    tokens = Tokens.of(ids, tf.constant(LENGTHS))
    padded = tf.random.stateless_normal((*ids.shape, DIM), seed=(1, 2))
    upstream = tf.random.stateless_normal((*ids.shape, DIM), seed=(3, 4))
    # Where nothing may be read, Keras reads everything.
    upstream *= tf.cast(tf.cumsum(ids, axis=1) > 0, tf.float32)[:, :, None]
    upstream *= tf.sequence_mask(LENGTHS, ids.shape[1], tf.float32)[:, :, None]
    theirs = keras_attention(attention, DIM)
    mask = tf.linalg.band_part(tf.ones((17, 17), tf.bool), -1, 0) & (ids > 0)[:, None]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(padded)
        found = tokens.padded(attention(tokens.flat(padded), tokens, training=True))
        expected = theirs(padded, padded, attention_mask=mask, training=True)
    np.testing.assert_allclose(
        found * tf.sign(abs(upstream)), expected * tf.sign(abs(upstream)), rtol=1e-5, atol=3e-5
    )

    def gradients(output: tf.Tensor, weights: list[keras.Variable]) -> list[tf.Tensor]:
        watched = [padded, *(weight.value for weight in weights)]
        return tape.gradient(output, watched, output_gradients=upstream)

    by_us = gradients(
        found, [*attention.query_key_value.weights, *attention.output_projection.weights]
    )
    projections = [theirs._query_dense, theirs._key_dense, theirs._value_dense]
    d_x, *by_keras = gradients(
        expected,
        [
            *(p.kernel for p in projections),
            *(p.bias for p in projections),
            theirs._output_dense.kernel,
            theirs._output_dense.bias,
        ],
    )
    kernels = tf.concat([tf.reshape(part, (DIM, DIM)) for part in by_keras[:3]], axis=1)
    biases = tf.concat([tf.reshape(part, [-1]) for part in by_keras[3:6]], axis=0)
    output = [tf.reshape(by_keras[6], (DIM, DIM)), by_keras[7]]
    for ours, other in zip(by_us, [d_x, kernels, biases, *output], strict=True):
        np.testing.assert_allclose(ours, other, atol=2e-4)


def test_last_only_is_the_last_of_all(attention: CausalAttention, ids: tf.Tensor) -> None:
    tokens = Tokens.of(ids, tf.constant(LENGTHS))
    x = tf.random.stateless_normal((len(tokens.positions), DIM), seed=(1, 2))
    np.testing.assert_allclose(
        attention(x, tokens, last_only=True),
        tf.gather(attention(x, tokens), tokens.last),
        atol=1e-5,
    )


def test_who_may_read_nothing_reads_nothing(attention: CausalAttention, ids: tf.Tensor) -> None:
    tokens = Tokens.of(ids, tf.constant(LENGTHS))
    x = tf.random.stateless_normal((len(tokens.positions), DIM), seed=(1, 2))
    found = tokens.padded(attention(x, tokens))
    for row, position in ((5, 0), (6, 0), (6, 1)):
        np.testing.assert_allclose(
            found[row, position], attention.output_projection.bias, atol=1e-6
        )


@pytest.mark.parametrize("last_only", [False, True])
def test_dropout_keeps_the_mean(ids: tf.Tensor, last_only: bool) -> None:
    layer = CausalAttention(2, dropout=0.5)
    layer.build((None, DIM))
    tokens = Tokens.of(ids, tf.constant(LENGTHS))
    x = 100.0 * tf.random.stateless_normal((len(tokens.positions), DIM), seed=(1, 2))
    draws = [layer(x, tokens, last_only=last_only, training=True) for _ in range(100)]
    assert np.abs(draws[0] - draws[1]).max() > 1e-3
    expected = layer(x, tokens, last_only=last_only)
    spread = np.std(draws, axis=0).max() / 100**0.5
    np.testing.assert_allclose(np.mean(draws, axis=0), expected, atol=6 * spread)


def test_heads_must_divide_the_vectors() -> None:
    with pytest.raises(ValueError, match="num_heads=3 must divide"):
        CausalAttention(3).build((None, 8))
