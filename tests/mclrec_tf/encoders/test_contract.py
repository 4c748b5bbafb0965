"""Every encoder keeps the contract: causal, blind to padding and to other rows, savable."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf import MCLRec, SequenceEncoder
from tests.mclrec_tf.encoders.rows import (
    ENCODERS,
    MAX_LENGTH,
    NUM_ITEMS,
    mixed_rows,
    random_encoder,
)


@pytest.fixture(params=ENCODERS)
def encoder(request: pytest.FixtureRequest) -> SequenceEncoder:
    return random_encoder(request.param)


def test_shape(encoder: SequenceEncoder) -> None:
    assert encoder(tf.constant([[5, 8, 2, 0]])).shape == (1, 4, 8)
    assert encoder(tf.constant([[5, 8, 2, 0]]), last_only=True).shape == (1, 8)


def test_no_rows_at_all(encoder: SequenceEncoder) -> None:
    nothing = tf.zeros([0, 4], tf.int32)
    for call in (encoder, tf.function(encoder)):
        assert call(nothing).shape == (0, 4, 8)
        assert call(nothing, last_only=True).shape == (0, 8)


def test_no_position_sees_a_later_item(encoder: SequenceEncoder) -> None:
    ids, lengths = mixed_rows(masked=0.2)
    for position in (0, 1, 4, 12):
        later = tf.range(MAX_LENGTH) > position
        changed = tf.where(later & (ids > 0), NUM_ITEMS + 1 - ids, ids)
        one, other = encoder(ids, lengths), encoder(changed, lengths)
        np.testing.assert_allclose(one[:, : position + 1], other[:, : position + 1], atol=2e-6)
        assert np.abs(one[2, position + 1 :] - other[2, position + 1 :]).max() > 0.01


def test_no_gradient_reaches_a_later_item(encoder: SequenceEncoder) -> None:
    ids = tf.range(1, 14)[None]
    table = encoder.item_embedding.table.value
    for position in (0, 3, 12):
        with tf.GradientTape() as tape:
            output = tf.reduce_sum(encoder(ids)[:, position] ** 2)
        gradient = tf.convert_to_tensor(tape.gradient(output, table)).numpy()
        assert not np.any(gradient[position + 2 :])
        assert np.any(gradient[position + 1])


def test_other_rows_and_padding_change_nothing(encoder: SequenceEncoder) -> None:
    ids, lengths = mixed_rows(masked=0.2)
    together = encoder(ids, lengths)
    for row, length in enumerate(lengths.numpy()):
        alone = encoder(ids[row : row + 1, : max(length, 1)], lengths[row : row + 1])
        np.testing.assert_allclose(alone[0, :length], together[row, :length], atol=2e-6)


def test_nothing_is_read_at_masked_positions(encoder: SequenceEncoder) -> None:
    ids, lengths = mixed_rows(masked=0.4)
    before = encoder(ids, lengths)
    table = encoder.item_embedding.table
    table.assign(tf.tensor_scatter_nd_add(table.value, [[0]], tf.ones((1, table.shape[1]))))
    visible = ids > 0
    np.testing.assert_allclose(encoder(ids, lengths)[visible], before[visible], atol=2e-6)


def test_order_matters(encoder: SequenceEncoder) -> None:
    one, other = encoder(tf.constant([[5, 8, 2], [8, 5, 2]]))[:, -1]
    assert np.abs(one - other).max() > 0.01


def test_looking_up_the_padding_teaches_it_nothing(encoder: SequenceEncoder) -> None:
    with tf.GradientTape() as tape:
        output = tf.reduce_sum(encoder(tf.constant([[5, 0, 2, 0]]), tf.constant([3])) ** 2)
    gradient = tf.convert_to_tensor(tape.gradient(output, encoder.item_embedding.table.value))
    assert not np.any(gradient[0])
    assert np.all(np.any(gradient.numpy()[[5, 2]], axis=1))


def test_last_only_is_the_last_of_all(encoder: SequenceEncoder) -> None:
    ids, lengths = mixed_rows(masked=0.4)
    ids = tf.where(tf.range(len(ids))[:, None] == 6, 0, ids)  # a row where all is masked
    weights = [weight.value for weight in encoder.trainable_variables]
    found = []
    for last_only in (False, True):
        with tf.GradientTape() as tape:
            output = encoder(ids, lengths, last_only=last_only, training=True)
            if not last_only:
                output = tf.gather(output, tf.maximum(lengths - 1, 0), batch_dims=1)
            loss = tf.reduce_sum(tf.sin(output))
        gradients = tape.gradient(loss, weights, unconnected_gradients="zero")
        found.append([output, *map(tf.convert_to_tensor, gradients)])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)
        assert np.all(np.isfinite(one))


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64"])
@pytest.mark.parametrize("name", ["SASRec", "PostNormSASRec", "BSARec", "GRU4Rec", "ensemble"])
def test_other_precisions(name: str, policy: str) -> None:
    ids, lengths = mixed_rows(masked=0.4)
    single = random_encoder(name)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        encoder = random_encoder(name)
    finally:
        keras.config.set_dtype_policy(before)
    encoder.set_weights(single.get_weights())
    with tf.GradientTape() as tape:
        found = encoder(ids, lengths)
        loss = tf.reduce_mean(tf.cast(found, tf.float32) ** 2)
    gradients = tape.gradient(loss, [weight.value for weight in encoder.trainable_variables])
    assert all(np.all(np.isfinite(tf.convert_to_tensor(gradient))) for gradient in gradients)
    inside = tf.sequence_mask(lengths, MAX_LENGTH)
    difference = tf.cast(found[inside], tf.float32) - single(ids, lengths)[inside]
    assert float(tf.sqrt(tf.reduce_mean(difference**2))) < (1e-5 if policy == "float64" else 0.1)


@pytest.mark.parametrize("name", ENCODERS)
def test_dropout_is_for_training(name: str) -> None:
    encoder = random_encoder(name, dropout=0.5)
    ids, lengths = mixed_rows()
    np.testing.assert_array_equal(encoder(ids, lengths), encoder(ids, lengths))
    once, twice = (encoder(ids, lengths, training=True) for _ in range(2))
    assert np.abs(once - twice).max() > 0.01


def test_saved_and_loaded(encoder: SequenceEncoder, tmp_path: Path) -> None:
    model = MCLRec(encoder)
    path = str(tmp_path / "model.keras")
    model.save(path)
    loaded = keras.models.load_model(path)
    assert loaded.encoder.get_config() == encoder.get_config()
    ids, _ = mixed_rows()
    np.testing.assert_allclose(loaded(ids), model(ids), atol=1e-6)


@pytest.mark.parametrize("name", ["SASRec", "PostNormSASRec", "BSARec", "GRU4Rec", "ensemble"])
def test_trains_under_a_rule_of_second_order(name: str) -> None:
    encoder = random_encoder(name, dropout=0.2)
    model = MCLRec(encoder, lambda_=0.1, beta=0.1, update_rule="maml", seed=1)
    model.compile(run_eagerly=True)
    before = [weight.numpy() for weight in model.trainable_variables]
    ids, lengths = mixed_rows()
    targets = np.where(ids > 0, np.roll(ids, -1, axis=1) % NUM_ITEMS + 1, 0)
    history = model.fit(ids[:4], targets[:4], verbose=0).history
    assert np.isfinite(history["loss"]).all()
    for weight, old in zip(model.trainable_variables, before, strict=True):
        assert np.any(weight.numpy() != old), weight.path


def test_too_long_a_row(encoder: SequenceEncoder) -> None:
    with pytest.raises(ValueError, match="ids has 21 positions, but max_length is 20"):
        encoder(tf.ones((1, 21), tf.int32))


@pytest.mark.parametrize("name", ["SASRec", "PostNormSASRec", "BSARec", "GRU4Rec"])
def test_bad_arguments(name: str) -> None:
    with pytest.raises(ValueError, match="num_items must be at least 1"):
        ENCODERS[name](0)
    with pytest.raises(ValueError, match="num_layers must be at least 1"):
        ENCODERS[name](30, num_layers=0)
    with pytest.raises(ValueError, match="max_length must be at least 1"):
        ENCODERS[name](30, max_length=0)
