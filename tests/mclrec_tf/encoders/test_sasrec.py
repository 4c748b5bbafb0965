"""SASRec on tokens equals the formulas of its paper, written out for one history at a time."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf import NextItemModel, PostNormSASRec, SASRec
from tests.mclrec_tf.encoders.rows import NUM_ITEMS, mixed_rows, random_encoder

KINDS = ("SASRec", "SASRec of two heads", "SASRec from the start")


def normalised(x: tf.Tensor, norm: keras.layers.LayerNormalization) -> tf.Tensor:
    mean, variance = tf.nn.moments(x, axes=[-1], keepdims=True)
    return (x - mean) / tf.sqrt(variance + 1e-8) * norm.gamma.value + norm.beta.value


def dense(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    return tf.linalg.matmul(x, kernel) + bias


def plain_block(block: keras.layers.Layer, x: tf.Tensor, visible: tf.Tensor) -> tf.Tensor:
    """One block for one history, `[n, d]`; a head at a time, with a mask of all pairs."""
    attention, (n, dim) = block.attention, x.shape
    q = normalised(x, block.query_norm)
    kernels = tf.split(attention.key_value.kernel.value, 2, axis=1)
    biases = tf.split(attention.key_value.bias.value, 2)
    queries = dense(q, attention.query.kernel.value, attention.query.bias.value)
    keys, values = (dense(x, *pair) for pair in zip(kernels, biases, strict=True))
    mask = tf.linalg.band_part(tf.ones((n, n), tf.bool), -1, 0) & visible
    read, size = [], dim // block.num_heads
    for head in range(block.num_heads):
        part = slice(head * size, (head + 1) * size)
        scores = queries[:, part] @ tf.transpose(keys[:, part]) / size**0.5
        weights = tf.exp(scores) * tf.cast(mask, tf.float32)
        sums = tf.reduce_sum(weights, axis=1, keepdims=True)
        read.append(tf.math.divide_no_nan(weights, sums) @ values[:, part])
    output = attention.output_projection
    attended = dense(tf.concat(read, axis=1), output.kernel.value, output.bias.value)
    y = normalised(q + attended, block.inner_norm)
    inner = tf.nn.relu(dense(y, block.expand.kernel.value, block.expand.bias.value))
    return y + dense(inner, block.contract.kernel.value, block.contract.bias.value)


def plain(encoder: SASRec, ids: tf.Tensor) -> tf.Tensor:
    """The vectors of one history without padding, `[n]` → `[n, d]`."""
    n = len(ids)
    positions = range(n) if encoder.positions == "from_start" else range(n - 1, -1, -1)
    items = tf.gather(encoder.item_embedding.table.value, ids)
    # The lookup of the padding teaches it nothing.
    items = tf.where((ids > 0)[:, None], items, tf.stop_gradient(items))
    x = items * encoder.dim**0.5 + tf.gather(encoder.position_table.value, list(positions))
    for block in encoder.blocks:
        x = plain_block(block, x, ids > 0)
    return normalised(x, encoder.output_norm)


@pytest.mark.parametrize("name", KINDS)
def test_equals_the_formulas(name: str) -> None:
    encoder = random_encoder(name)
    ids, lengths = mixed_rows(masked=0.2)
    weights = [weight.value for weight in encoder.trainable_variables]
    rows = [row for row, length in enumerate(lengths.numpy()) if length]
    found = []
    for encode in (
        lambda row: encoder(ids, lengths)[row, : lengths[row]],
        lambda row: plain(encoder, ids[row, : lengths[row]]),
    ):
        with tf.GradientTape() as tape:
            output = tf.concat([encode(row) for row in rows], axis=0)
            loss = tf.reduce_sum(tf.sin(output))
        gradients = tape.gradient(loss, weights)
        found.append([output, *map(tf.convert_to_tensor, gradients)])
    shown = ["output", *(weight.path for weight in encoder.trainable_variables)]
    for what, one, other in zip(shown, *found, strict=True):
        # Sums of numbers up to 100, in another order: that is what float32 tells apart.
        np.testing.assert_allclose(one, other, atol=2e-4, rtol=1e-4, err_msg=what)


def test_defaults_are_those_of_the_paper() -> None:
    encoder = SASRec(NUM_ITEMS)
    config = encoder.get_config()
    assert (config["num_heads"], config["inner_dim"]) == (1, config["dim"])
    assert config["positions"] == "from_end"


def test_what_it_weighs() -> None:
    """By hand: two tables, six matrices with biases and two norms a block, and one more norm."""
    encoder = SASRec(num_items=30, dim=8, max_length=10, num_layers=3, num_heads=2)
    encoder.build()
    block = 6 * (8 * 8 + 8) + 2 * 2 * 8
    assert encoder.count_params() == (30 + 2) * 8 + 10 * 8 + 3 * block + 2 * 8


@pytest.mark.parametrize("positions", ["from_start", "from_end"])
def test_configuration_round_trip(positions: str) -> None:
    encoder = SASRec(30, dim=8, max_length=10, num_layers=1, num_heads=4, positions=positions)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(encoder))
    assert type(again) is SASRec
    assert again.get_config() == encoder.get_config()


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_a_configuration_that_knows_no_positions_is_of_the_earlier_sasrec(dtype: str) -> None:
    earlier = PostNormSASRec(30, dim=8, max_length=10, num_layers=1, num_heads=4, dtype=dtype)
    written = keras.saving.serialize_keras_object(earlier)
    written = json.loads(json.dumps(written).replace("PostNormSASRec", "SASRec"))
    del written["config"]["positions"]
    again = keras.saving.deserialize_keras_object(written)
    assert type(again) is PostNormSASRec
    assert again.get_config() == earlier.get_config()


def test_a_class_of_ones_own_stays_what_it_is() -> None:
    class Mine(SASRec):
        pass

    assert type(Mine.from_config({"num_items": 30})) is Mine


def test_the_earlier_files_can_be_saved_again(tmp_path: Path) -> None:
    """Loaded, the encoder has the name that it has today, and so it is written."""
    written = keras.saving.serialize_keras_object(PostNormSASRec(30, dim=8))
    written["class_name"] = "SASRec"
    written["registered_name"] = "mclrec_tf>SASRec"
    del written["config"]["positions"]
    model = NextItemModel(keras.saving.deserialize_keras_object(written))
    model.save(tmp_path / "again.keras")
    loaded = keras.models.load_model(tmp_path / "again.keras")
    assert type(loaded.encoder) is PostNormSASRec
    history = np.array([[3, 7, 2, 0]])
    np.testing.assert_allclose(loaded(history), model(history), atol=1e-6)


def test_heads_must_divide_the_vectors() -> None:
    with pytest.raises(ValueError, match="num_heads=3 must divide"):
        SASRec(num_items=30, dim=8, num_heads=3)


def test_the_inner_size_is_checked() -> None:
    with pytest.raises(ValueError, match="inner_dim must be at least 1, got 0"):
        SASRec(num_items=30, inner_dim=0)
