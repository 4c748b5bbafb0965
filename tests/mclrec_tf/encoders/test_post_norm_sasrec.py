"""SASRec of MCLRec's authors: on tokens it equals padded rows with Keras' own attention."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf import PostNormSASRec
from mclrec_tf.layers import TransformerBlock
from tests.mclrec_tf.encoders.rows import DIM, mixed_rows, random_encoder
from tests.mclrec_tf.layers.keras_attention import keras_attention


def plain_block(block: TransformerBlock, x: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    attended = keras_attention(block.attention, DIM)(x, x, attention_mask=mask)
    x = block.attention_norm(x + attended)
    return block.output_norm(x + block.contract(block.expand(x)))


def plain(encoder: PostNormSASRec, ids: tf.Tensor) -> tf.Tensor:
    position = tf.range(ids.shape[1])
    mask = (position[:, None] >= position) & (ids > 0)[:, None]
    x = encoder.input_norm(encoder.item_embedding(ids) + encoder.position_table[: ids.shape[1]])
    for block in encoder.blocks:
        x = plain_block(block, x, mask)
    return x


def test_equals_the_plain_path() -> None:
    encoder = random_encoder("PostNormSASRec")
    ids, lengths = mixed_rows(masked=0.2)
    # Keras' attention reads everywhere at positions that may read nothing; nobody reads those.
    reads = tf.math.cumulative_logsumexp(tf.where(ids > 0, 0.0, -1e9), axis=1) > -1.0
    compared = reads & tf.sequence_mask(lengths, ids.shape[1])
    norms_and_tables = [
        encoder.item_embedding.table.value,
        encoder.position_table.value,
        *(weight.value for block in encoder.blocks for weight in block.output_norm.weights),
        *(weight.value for block in encoder.blocks for weight in block.expand.weights),
    ]
    found = []
    for encode in (lambda: encoder(ids, lengths), lambda: plain(encoder, ids)):
        with tf.GradientTape() as tape:
            output = encode()[compared]
            loss = tf.reduce_sum(tf.sin(output))
        gradients = tape.gradient(loss, norms_and_tables)
        found.append([output, *map(tf.convert_to_tensor, gradients)])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


def test_configuration_round_trip() -> None:
    encoder = PostNormSASRec(
        num_items=30, dim=8, max_length=10, num_layers=1, num_heads=4, dropout=0.1
    )
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(encoder))
    assert again.get_config() == encoder.get_config()


def test_heads_must_divide_the_vectors() -> None:
    with pytest.raises(ValueError, match="num_heads=3 must divide"):
        PostNormSASRec(num_items=30, dim=8, num_heads=3).build()
