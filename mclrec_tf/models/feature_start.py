"""Given vectors of items, divided between their features and the items' own vectors."""

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from mclrec_tf.layers.item_feature_embedding import ItemFeatureEmbedding

_RIDGE = 1.0  # a value that one item has explains half of that item's vector
_STEPS, _TOLERANCE = 50, 1e-4


def fit_features(
    features: ItemFeatureEmbedding, vectors: npt.NDArray[np.floating], ids: npt.NDArray[np.integer]
) -> None:
    """Sets what features add to what explains given vectors best: ridge regression.

    Solved by conjugate gradients, which need no matrix of all values by all values.

    Args:
        features: The layer; its trained weights are replaced.
        vectors: float `[N, d]`, the vectors to explain.
        ids: int `[N]`, of which items they are.
    """
    weights = features.trainable_weights
    sizes = [weight.shape[0] for weight in weights]
    items = tf.constant(ids, tf.int32)

    def transposed(given: tf.Tensor) -> tf.Tensor:
        """For given vectors of the items their sums by feature, `[F, d]`: the layer is linear."""
        with tf.GradientTape() as tape:
            added = features(items)
        gradients = tape.gradient(added, [w.value for w in weights], given)
        return tf.concat([tf.convert_to_tensor(gradient) for gradient in gradients], axis=0)

    def added(solution: tf.Tensor) -> tf.Tensor:
        for weight, part in zip(weights, tf.split(solution, sizes), strict=True):
            weight.assign(part)
        return features(items)

    def squared(matrix: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(matrix * matrix, axis=0)

    solution = tf.zeros([sum(sizes), features.dim], weights[0].dtype)
    residual = direction = transposed(tf.constant(vectors, solution.dtype))
    norm = first = squared(residual)
    for _ in range(_STEPS):
        if bool(tf.reduce_all(norm <= _TOLERANCE**2 * first)):
            break
        product = transposed(added(direction)) + _RIDGE * direction
        step = tf.math.divide_no_nan(norm, tf.reduce_sum(direction * product, axis=0))
        solution += step * direction
        residual -= step * product
        before, norm = norm, squared(residual)
        direction = residual + tf.math.divide_no_nan(norm, before) * direction
    added(solution)
