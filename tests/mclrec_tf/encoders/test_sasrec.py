"""SASRec keeps the encoder contract: causal, blind to padding, built from its configuration."""

import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf import SASRec


@pytest.fixture(scope="module")
def encoder() -> SASRec:
    encoder = SASRec(num_items=30, dim=8, max_length=10)
    encoder.build()
    # Larger weights than at the start, so that a leak would be seen.
    random = np.random.default_rng(1)
    for weight in encoder.trainable_variables:
        weight.assign(weight + random.normal(size=weight.shape))
    return encoder


def test_shape(encoder: SASRec) -> None:
    assert encoder(tf.constant([[5, 8, 2, 0]])).shape == (1, 4, 8)


def test_no_position_sees_a_later_item(encoder: SASRec) -> None:
    one = encoder(tf.constant([[5, 8, 2, 9]]))
    other = encoder(tf.constant([[5, 8, 7, 1]]))
    np.testing.assert_allclose(one[:, :2], other[:, :2], atol=1e-6)
    assert np.abs(one[:, 2:] - other[:, 2:]).max() > 0.01


def test_padding_changes_nothing(encoder: SASRec) -> None:
    short = encoder(tf.constant([[5, 8, 2]]))
    padded = encoder(tf.constant([[5, 8, 2, 0, 0, 0, 0]]))
    np.testing.assert_allclose(short, padded[:, :3], atol=1e-6)


def test_order_matters(encoder: SASRec) -> None:
    one, other = encoder(tf.constant([[5, 8, 2], [8, 5, 2]]))[:, -1]
    assert np.abs(one - other).max() > 0.01


def test_looking_up_the_padding_teaches_it_nothing(encoder: SASRec) -> None:
    with tf.GradientTape() as tape:
        output = tf.reduce_sum(encoder(tf.constant([[5, 0, 2, 0]])) ** 2)
    gradient = tf.convert_to_tensor(tape.gradient(output, encoder.item_embedding.table.value))
    assert not np.any(gradient[0])
    assert np.all(np.any(gradient.numpy()[[5, 2]], axis=1))


def test_configuration_round_trip() -> None:
    encoder = SASRec(num_items=30, dim=8, max_length=10, num_layers=1, num_heads=4, dropout=0.1)
    again = SASRec.from_config(encoder.get_config())
    assert again.get_config() == encoder.get_config()


def test_heads_must_divide_the_vectors() -> None:
    with pytest.raises(ValueError, match="num_heads=3 must divide"):
        SASRec(num_items=30, dim=8, num_heads=3).build()


def test_no_items() -> None:
    with pytest.raises(ValueError, match="num_items must be at least 1"):
        SASRec(num_items=0)
