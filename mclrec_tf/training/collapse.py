"""Collapse of the learned views, measured while the model trains."""

import keras
import tensorflow as tf


class CollapseDiagnostics:
    """How far the learned views z̃1 and z̃2 have collapsed, as metrics of an epoch.

    | metric | collapsed to a point | spread out |
    |---|---|---|
    | alignment: mean squared distance of the two views of a sequence | 0 | any |
    | uniformity: log mean exp(-2 d²) over views of different sequences | 0 | down to -4 |
    | positive_similarity: mean inner product, same sequence | 1 | any |
    | negative_similarity: mean inner product, different sequences | 1 | about 0 |
    | effective_rank_z1, effective_rank_z2 | 1 | up to d |

    Pairs are those of the contrastive loss: two of the 2B rows of a batch, from either view.

    Args:
        dim: Size of the vectors, d.

    Example:

    ```python
    import tensorflow as tf
    from mclrec_tf.training.collapse import CollapseDiagnostics

    z1, z2 = tf.random.normal((8, 64)), tf.random.normal((8, 64))
    diagnostics = CollapseDiagnostics(dim=64)
    diagnostics.update_state(z1, z2)
    {metric.name: float(metric.result()) for metric in diagnostics.metrics}
    ```

    Reference:
        Alignment and uniformity: Wang and Isola, 2020, arXiv 2005.10242. Effective rank: Roy and
        Vetterli, 2007.
    """

    def __init__(self, dim: int) -> None:
        self.alignment = keras.metrics.Mean(name="alignment")
        self.uniformity = LogMean(name="uniformity")
        self.positive_similarity = keras.metrics.Mean(name="positive_similarity")
        self.negative_similarity = keras.metrics.Mean(name="negative_similarity")
        self.effective_ranks = [EffectiveRank(dim, name=f"effective_rank_z{i}") for i in (1, 2)]

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return [
            self.alignment,
            self.uniformity,
            self.positive_similarity,
            self.negative_similarity,
            *self.effective_ranks,
        ]

    def update_state(self, z1: tf.Tensor, z2: tf.Tensor) -> None:
        """Takes in the two learned views of a batch, `[B, d]` each; gives no gradient."""
        z1, z2 = tf.stop_gradient(z1), tf.stop_gradient(z2)
        for metric, z in zip(self.effective_ranks, (z1, z2), strict=True):
            metric.update_state(z)
        distances = tf.reduce_sum(tf.square(z1 - z2), axis=1)
        similarities = tf.reduce_sum(z1 * z2, axis=1)
        self.alignment.update_state(distances)
        self.positive_similarity.update_state(similarities)

        # Over pairs of different sequences: what all pairs of rows sum up to, less the pairs of a
        # row with itself and with the other view of its sequence.
        rows = tf.concat([z1, z2], axis=0)
        squares = tf.reduce_sum(tf.square(rows), axis=1)
        count = tf.cast(tf.shape(rows)[0], rows.dtype)
        pairs = count * (count - 2.0)
        all_similarities = tf.reduce_sum(tf.square(tf.reduce_sum(rows, axis=0)))
        negative = all_similarities - tf.reduce_sum(squares) - 2.0 * tf.reduce_sum(similarities)
        _add_sum(self.negative_similarity, negative, pairs)

        exponents = 4.0 * tf.matmul(rows, rows, transpose_b=True)
        exponents -= 2.0 * squares[:, None] + 2.0 * squares[None, :]
        near = (
            tf.reduce_sum(tf.exp(exponents)) - count - 2.0 * tf.reduce_sum(tf.exp(-2 * distances))
        )
        _add_sum(self.uniformity, near, pairs)


def _add_sum(metric: keras.metrics.Mean, total: tf.Tensor, count: tf.Tensor) -> None:
    """Takes the sum of some values, and how many they are, into a metric that is their mean."""
    metric.update_state(tf.math.divide_no_nan(total, count), sample_weight=count)


class LogMean(keras.metrics.Mean):
    """Logarithm of the mean of all values; NaN when there are none."""

    def result(self) -> tf.Tensor:
        return keras.ops.log(self.total / self.count)


class EffectiveRank(keras.metrics.Metric):
    """exp of the entropy of the normalised singular values of all rows taken in.

    The sum of zzᵀ is kept, whose eigenvalues are the squared singular values of the rows: memory
    is d², however many rows there are.

    Args:
        dim: Size of the rows, d.

    Example:

    ```python
    import tensorflow as tf
    from mclrec_tf.training.collapse import EffectiveRank

    metric = EffectiveRank(dim=3)
    metric.update_state(tf.constant([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))
    float(metric.result())  # 2.0
    ```
    """

    def __init__(self, dim: int, name: str = "effective_rank") -> None:
        # In float32 the rounding of the sum would show as 64 small singular values.
        super().__init__(name=name, dtype="float64")
        self.dim = dim
        self.second_moment = self.add_variable(
            (dim, dim), "zeros", dtype=self.dtype, name="second_moment"
        )

    def update_state(self, rows: tf.Tensor, sample_weight: None = None) -> None:
        """Takes in rows, float `[N, d]`."""
        rows = tf.cast(rows, self.dtype)
        self.second_moment.assign_add(tf.matmul(rows, rows, transpose_a=True))

    def result(self) -> tf.Tensor:
        """Between 1 and d; 0 when there were no rows. An eigendecomposition: about 0.5 ms."""
        squares = tf.linalg.eigvalsh(tf.convert_to_tensor(self.second_moment))
        values = tf.sqrt(tf.maximum(squares, 0.0))
        total = tf.reduce_sum(values)
        shares = tf.math.divide_no_nan(values, total)
        entropy = -tf.reduce_sum(tf.math.xlogy(shares, shares))
        return tf.where(total > 0, tf.exp(entropy), tf.zeros_like(entropy))

    def get_config(self) -> dict[str, object]:
        return {"dim": self.dim, "name": self.name}
