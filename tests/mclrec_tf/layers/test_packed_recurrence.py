"""A cell run without padding gives what Keras' own layer gives on padded rows."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mclrec_tf.layers.packed_recurrence import Steps


def test_steps_take_the_first_positions_of_all_first() -> None:
    steps = Steps.of(tf.constant([1, 3, 0, 2]))
    assert steps.cells.numpy().tolist() == [[1, 0], [3, 0], [0, 0], [2, 0], [1, 1], [3, 1], [1, 2]]
    assert steps.counts.numpy().tolist() == [4, 2, 1]
    assert steps.last.numpy().tolist() == [2, 6, 3, 5]


@settings(max_examples=20)
@example([0])
@example([2, 2, 2])
@given(st.lists(st.integers(0, 9), min_size=1, max_size=12))
def test_states_and_gradients_are_those_of_a_padded_layer(lengths: list[int]) -> None:
    real = np.maximum(lengths, 1)
    x = tf.random.normal((len(real), real.max(), 3))
    layer = keras.layers.GRU(5, return_sequences=True)
    layer.build(x.shape)
    layer.cell.bias.assign(tf.random.normal(layer.cell.bias.shape))
    steps = Steps.of(tf.constant(lengths))
    aims = tf.random.normal((len(steps.cells), 5))
    results = []
    for states in (
        lambda: tf.gather_nd(layer(x), steps.cells),
        lambda: steps.states(layer.cell, tf.gather_nd(x, steps.cells)),
    ):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = states()
            loss = tf.reduce_sum(value * aims)
        results.append([value, *tape.gradient(loss, [x, *layer.trainable_variables])])
    for padded, packed in zip(*results, strict=True):
        np.testing.assert_allclose(packed, padded, rtol=1e-4, atol=1e-5)
    last = tf.gather(results[1][0], steps.last)
    ends = tf.gather(layer(x), real - 1, batch_dims=1)
    np.testing.assert_allclose(last, ends, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_the_state_has_the_dtype_of_the_inputs(dtype: str) -> None:
    cell = keras.layers.GRUCell(4, dtype=dtype)
    steps = Steps.of(tf.constant([2, 1]))
    inputs = tf.ones((3, 2), cell.compute_dtype)
    assert steps.states(cell, inputs).dtype == cell.compute_dtype
