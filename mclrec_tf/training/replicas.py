"""One objective over several replicas of the model (`tf.distribute`)."""

import keras
import tensorflow as tf


def sum_over_replicas(tensors: list[tf.Tensor]) -> list[tf.Tensor]:
    """Sum of each tensor over all replicas; the tensors themselves where there is one."""
    if tf.distribute.get_strategy().num_replicas_in_sync == 1:
        return tensors
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tensors)


def share_of_all(counts: list[tf.Tensor]) -> list[tf.Tensor]:
    """Each of this replica's counts as a share of what all replicas count.

    Optimizers sum the gradients of the replicas. A mean over what a replica has, weighted by
    this share, adds up to the mean over the whole batch, however unevenly it was split.
    """
    counts = [tf.cast(count, keras.config.floatx()) for count in counts]
    totals = sum_over_replicas(counts)
    return [tf.math.divide_no_nan(*pair) for pair in zip(counts, totals, strict=True)]


def pooled(means: list[tf.Tensor], counts: list[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
    """The mean over several groups from the mean and the count of each, and the total count."""
    weights = [tf.cast(count, means[0].dtype) for count in counts]
    total = tf.add_n([mean * weight for mean, weight in zip(means, weights, strict=True)])
    return tf.math.divide_no_nan(total, tf.add_n(weights)), tf.add_n(counts)
