"""Layer normalization is Keras', but for the gradient of vectors that dropout has emptied."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf import BSARec, PostNormSASRec, SASRec
from mclrec_tf.encoders.sequence_encoder import SequenceEncoder
from mclrec_tf.layers.layer_norm import LayerNorm

EPSILONS = [1e-12, 1e-8]


def gradient(layer: keras.layers.Layer, vectors: tf.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """What comes out, and the gradient of a sum with unlike weights."""
    with tf.GradientTape() as tape:
        tape.watch(vectors)
        found = layer(vectors)
        weighted = tf.reduce_sum(found * tf.range(1.0, 1.0 + vectors.shape[1]))
    return found.numpy(), tape.gradient(weighted, vectors).numpy()


@pytest.mark.parametrize("epsilon", EPSILONS)
def test_vectors_with_something_to_normalise_are_as_in_keras(epsilon: float) -> None:
    vectors = tf.random.stateless_normal([50, 8], [0, 1]) * tf.constant([[1e-3], [1.0]] * 25)
    for mine, theirs in zip(
        gradient(LayerNorm(epsilon=epsilon), vectors),
        gradient(keras.layers.LayerNormalization(epsilon=epsilon), vectors),
        strict=True,
    ):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("epsilon", EPSILONS)
@pytest.mark.parametrize("number", [0.0, 0.25, -3.0])
def test_equal_numbers_have_keras_result_and_no_gradient(epsilon: float, number: float) -> None:
    vectors = tf.fill([2, 8], number)
    mine, mine_gradient = gradient(LayerNorm(epsilon=epsilon), vectors)
    theirs, explodes = gradient(keras.layers.LayerNormalization(epsilon=epsilon), vectors)
    np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(mine_gradient, 0)
    assert np.abs(explodes).max() > 1e3


@pytest.mark.parametrize("encoder", [PostNormSASRec, SASRec, BSARec])
def test_gradients_stay_within_bounds_where_dropout_drops_all(
    encoder: type[SequenceEncoder],
) -> None:
    keras.utils.set_random_seed(0)
    model = encoder(9, dim=8, num_layers=2, max_length=4, dropout=1 - 1e-6)
    ids = tf.constant([[1, 2, 3, 4], [5, 6, 0, 0]])
    with tf.GradientTape() as tape:
        vectors = model(ids, tf.constant([4, 2]), training=True)
        loss = tf.reduce_sum(vectors * tf.random.stateless_normal(vectors.shape, [0, 1]))
    found = tape.gradient(loss, model.trainable_variables, unconnected_gradients="zero")
    largest = max(float(tf.reduce_max(tf.abs(tf.convert_to_tensor(one)))) for one in found)
    assert 0 < largest < 1e3
