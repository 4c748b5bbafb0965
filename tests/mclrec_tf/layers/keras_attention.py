"""Keras' own attention with the weights of ours, to compare with."""

import keras
import tensorflow as tf

from mclrec_tf.layers import CausalAttention


def keras_attention(attention: CausalAttention, dim: int) -> keras.layers.MultiHeadAttention:
    heads = attention.num_heads
    layer = keras.layers.MultiHeadAttention(heads, dim // heads, flash_attention=False)
    layer.build((None, None, dim), (None, None, dim))
    kernels = tf.split(attention.query_key_value.kernel.value, 3, axis=1)
    biases = tf.split(attention.query_key_value.bias.value, 3)
    parts = (layer._query_dense, layer._key_dense, layer._value_dense)
    for part, kernel, bias in zip(parts, kernels, biases, strict=True):
        part.kernel.assign(tf.reshape(kernel, part.kernel.shape))
        part.bias.assign(tf.reshape(bias, part.bias.shape))
    output, ours = layer._output_dense, attention.output_projection
    output.kernel.assign(tf.reshape(ours.kernel.value, output.kernel.shape))
    output.bias.assign(ours.bias.value)
    return layer
