"""Layer normalization whose gradient stays within bounds where there is nothing to normalise."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("mclrec_tf")
class LayerNorm(keras.layers.LayerNormalization):
    """Keras' layer normalization, but a vector of equal numbers gets no gradient.

    Dropout empties a whole vector now and then, one of size 8 at a rate of 0.5 in one of 256 cases.
    What is left, all zeros, comes out unchanged, while the gradient is divided by the root of
    `epsilon`: a million-fold for 1e-12, in each normalization on the way, until float32 overflows.
    Wherever the spread of the numbers is so small that `epsilon` outweighs the variance, the
    gradient says nothing of the data, so it is cut off there. Results, and the gradients of all
    other vectors, are Keras' to the last digit.

    Args:
        kwargs: Those of `keras.layers.LayerNormalization`, the last axis alone.

    Call arguments:
        inputs: float tensor `[T, d]`.

    Returns:
        Float tensor `[T, d]`.

    Example:

    ```python
    import tensorflow as tf
    from mclrec_tf.layers.layer_norm import LayerNorm

    vectors = tf.constant([[0.0, 0.0], [1.0, 3.0]])
    with tf.GradientTape() as tape:
        tape.watch(vectors)
        first = LayerNorm(epsilon=1e-12)(vectors)[:, 0]
    tape.gradient(first, vectors)[0].numpy()  # zeros
    ```
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        spread = tf.reduce_max(inputs, -1, keepdims=True) - tf.reduce_min(inputs, -1, keepdims=True)
        # The variance is at most the square of half the spread.
        is_flat = spread < 2 * self.epsilon**0.5
        return super().call(tf.where(is_flat, tf.stop_gradient(inputs), inputs))
