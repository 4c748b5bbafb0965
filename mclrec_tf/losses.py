"""The losses of MCLRec: next item, contrast of two views, contrastive regularisation."""

import tensorflow as tf

# Stands for minus infinity in similarities that take no part; finite, so that gradients stay so.
_EXCLUDED = -1e9


def next_item_loss(vectors: tf.Tensor, candidates: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Softmax cross-entropy over the whole catalogue, L_rec (Eq. 3).

    Args:
        vectors: float `[N, d]`, the encoder's outputs where an item is predicted.
        candidates: float `[M, d]`, the item vectors the softmax runs over.
        labels: int `[N]`, the row of `candidates` that came next.

    Returns:
        Scalar, the mean over the N predictions; 0 when there are none.
    """
    logits = tf.matmul(vectors, candidates, transpose_b=True)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    count = tf.cast(tf.shape(losses)[0], losses.dtype)
    return tf.math.divide_no_nan(tf.reduce_sum(losses), count)


def info_nce(first: tf.Tensor, second: tf.Tensor, temperature: float = 1.0) -> tf.Tensor:
    """Symmetric contrast of two views of the same sequences, L_con (Eq. 7 and 8).

    Each of the 2B rows is classified among the other rows; the other view of its own sequence
    is the right one. Similarity is the inner product divided by the temperature.

    Args:
        first: float `[B, d]`, one view of each sequence.
        second: float `[B, d]`, the other view, in the same order.
        temperature: τ.

    Returns:
        Scalar, the mean over the 2B rows (as the authors' code; the paper writes a sum of the
        two directions). A batch of one has no negatives and gives 0.
    """
    similarities = _similarities(first, second) / temperature
    logits = tf.where(_self_pairs(similarities), _EXCLUDED, similarities)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=_partners(similarities), logits=logits
    )
    return tf.reduce_mean(losses)


def batch_margin_regularization(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Contrastive regularisation R with one pair of margins for the batch (Eq. 11 to 13).

    With σ⁺ the similarities of two views of one sequence and σ⁻ those of different sequences,

        o_min = min(min σ⁺, max σ⁻),  o_max = max(min σ⁺, max σ⁻)
        R = mean [σ⁺ − o_min]₊ + mean [o_max − σ⁻]₊

    Args:
        first: float `[B, d]`, one augmented view of each sequence, z̃1.
        second: float `[B, d]`, the other, z̃2.

    Returns:
        Scalar; 0 for a batch of one.
    """
    return _regularization(first, second, per_row=False)


def row_margin_regularization(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Contrastive regularisation R with margins of its own for each of the 2B rows.

    As in the authors' code. Arguments and result as `batch_margin_regularization`.
    """
    return _regularization(first, second, per_row=True)


def _regularization(first: tf.Tensor, second: tf.Tensor, per_row: bool) -> tf.Tensor:
    similarities = _similarities(first, second)
    rows = tf.shape(similarities)[0]
    positives = tf.gather(similarities, _partners(similarities), batch_dims=1)
    is_negative = ~(
        _self_pairs(similarities)
        | tf.one_hot(_partners(similarities), rows, on_value=True, off_value=False)
    )
    negatives = tf.where(is_negative, similarities, _EXCLUDED)

    lowest_positive, highest_negative = positives, tf.reduce_max(negatives, axis=1)
    if not per_row:
        lowest_positive = tf.reduce_min(lowest_positive)
        highest_negative = tf.reduce_max(highest_negative)
    # A batch of one sequence has no negatives: both margins meet at the positives.
    highest_negative = tf.where(rows > 2, highest_negative, lowest_positive)
    lower = tf.minimum(lowest_positive, highest_negative)
    upper = tf.maximum(lowest_positive, highest_negative)
    if per_row:
        upper = upper[:, None]

    pulled = tf.reduce_mean(tf.nn.relu(positives - lower))
    pushed = tf.reduce_sum(tf.where(is_negative, tf.nn.relu(upper - similarities), 0.0))
    pairs = tf.cast(rows * (rows - 2), similarities.dtype)
    return pulled + tf.math.divide_no_nan(pushed, pairs)


def _similarities(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Inner products of all 2B rows, `[2B, 2B]`."""
    rows = tf.concat([first, second], axis=0)
    return tf.matmul(rows, rows, transpose_b=True)


def _partners(similarities: tf.Tensor) -> tf.Tensor:
    """Index of the other view of each row's sequence, `[2B]`."""
    rows = tf.shape(similarities)[0]
    return (tf.range(rows) + rows // 2) % rows


def _self_pairs(similarities: tf.Tensor) -> tf.Tensor:
    return tf.eye(tf.shape(similarities)[0], dtype=tf.bool)
