"""The learned augmentation w_φ of a view's vector."""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("mclrec_tf")
class Augmenter(keras.layers.Layer):
    """Three-layer MLP d → d/2 → d/4 → d with GELU between the layers, L2-normalised at the end.

    The normalisation is in the authors' code, not in the paper; without it the inner products
    of the contrastive losses grow without bound.

    Call arguments:
        vectors: float tensor `[B, d]`, the encoded views h̃.

    Returns:
        Float tensor `[B, d]` of unit rows, z̃ = w_φ(h̃).

    Example:

    ```python
    import tensorflow as tf
    from mclrec_tf.layers import Augmenter

    Augmenter()(tf.random.normal((8, 64))).shape  # (8, 64)
    ```

    Reference:
        Eq. 5 of MCLRec (arXiv 2304.07763).
    """

    def build(self, input_shape: Any) -> None:
        dim = input_shape[-1]
        sizes = (max(dim // 2, 1), max(dim // 4, 1), dim)
        activations = ("gelu", "gelu", None)
        self.dense_layers = []
        fan_in = dim
        for size, activation in zip(sizes, activations, strict=True):
            # U(±1/√fan_in) for kernel and bias, as the authors' linear layers start.
            limit = fan_in**-0.5
            layer = keras.layers.Dense(
                size,
                activation=activation,
                kernel_initializer=keras.initializers.RandomUniform(-limit, limit),
                bias_initializer=keras.initializers.RandomUniform(-limit, limit),
                dtype=self.dtype_policy,
            )
            layer.build((*input_shape[:-1], fan_in))
            self.dense_layers.append(layer)
            fan_in = size

    def call(self, vectors: tf.Tensor) -> tf.Tensor:
        for layer in self.dense_layers:
            vectors = layer(vectors)
        return keras.ops.normalize(vectors, axis=-1)
