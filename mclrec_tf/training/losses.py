"""The losses of MCLRec: next item, contrast of two views, contrastive regularisation."""

from typing import Any

import tensorflow as tf

# Stands for minus infinity in similarities that take no part; finite, so that gradients stay so.
_EXCLUDED = -1e9


# Exponentials that are held at once, where that leaves rows enough for the matrix products to be
# efficient: 16 MB of float32, which the system's allocator uses again. Larger ones it takes anew
# from the operating system each time, page by page, which costs as much as the products.
_CELLS = 2**22
_FEWEST_ROWS = 64

# Largest table of exponentials held at once: 256 MB of float32.
_MOST_CELLS = 2**26

# Up to this bound of a score, a shift by the bound instead of the true maximum loses nothing.
_SAFE_SHIFT = 40.0


def next_item_loss(
    vectors: tf.Tensor,
    candidates: tf.Tensor,
    labels: tf.Tensor,
    label_smoothing: float = 0.0,
) -> tf.Tensor:
    """Softmax cross-entropy over the whole catalogue, L_rec (Eq. 3).

    The exact loss and gradient, at half the time of TensorFlow's own operations for it and in
    bounded memory: rows are taken in parts, and each part's gradient is made while its
    exponentials are at hand. It can be differentiated once, not twice.

    Args:
        vectors: float `[N, d]`, the encoder's outputs where an item is predicted.
        candidates: float `[M, d]`, the item vectors the softmax runs over.
        labels: int `[N]`, the row of `candidates` that came next.
        label_smoothing: Share of the right answer that is spread evenly over all candidates, from
            0 to 1. The cost of it does not depend on the size of the catalogue: the evenly spread
            part of the scores is that of the candidates' mean.

    Returns:
        Scalar float32, or float64 from vectors in float64: the mean over the N predictions; 0
        when there are none.

    Raises:
        ValueError: The shapes do not fit.
    """
    vectors, candidates, labels = map(tf.convert_to_tensor, (vectors, candidates, labels))
    for name, value, shape in (
        ("vectors", vectors, [None, None]),
        ("candidates", candidates, [None, vectors.shape[-1]]),
        ("labels", labels, vectors.shape[:1]),
    ):
        if not value.shape.is_compatible_with(shape):
            raise ValueError(f"{name} must have the shape {shape}, got {value.shape}.")
    dtype = tf.float64 if vectors.dtype == tf.float64 else tf.float32
    vectors, candidates = tf.cast(vectors, dtype), tf.cast(candidates, dtype)
    count = tf.cast(tf.shape(vectors)[0], dtype)
    smoothing = tf.constant(label_smoothing, dtype)
    return tf.math.divide_no_nan(
        _summed_cross_entropy(vectors, candidates, labels, smoothing), count
    )


@tf.custom_gradient
def _summed_cross_entropy(
    vectors: tf.Tensor, candidates: tf.Tensor, labels: tf.Tensor, smoothing: tf.Tensor
) -> tuple[tf.Tensor, Any]:
    rows, dim = tf.shape(vectors)[0], vectors.shape[1]
    step = _rows_of_a_part(tf.shape(candidates)[0])
    # A column of ones adds a term to every score, and sums up every row of exponentials, within
    # the matrix products that are needed anyway.
    extended = tf.concat([candidates, tf.ones_like(candidates[:, :1])], axis=1)
    longest = tf.reduce_max(tf.norm(candidates, axis=1))

    def part(
        begin: tf.Tensor, total: tf.Tensor, d_vectors: tf.Tensor, d_candidates: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        mine = vectors[begin : begin + step]  # [n, d]
        exponentials, shift = _exponentials(mine, extended, longest)  # [n, M] and [n, 1]
        sums = tf.matmul(exponentials, extended)  # [n, d + 1]
        denominator = sums[:, dim:]
        total += tf.reduce_sum(tf.math.log(denominator) + shift)
        mean = sums[:, :dim] / denominator  # of the item vectors, under the softmax
        d_candidates += tf.matmul(exponentials, mine / denominator, transpose_a=True)
        return begin + step, total, tf.concat([d_vectors, mean], axis=0), d_candidates

    start = (0, tf.zeros((), vectors.dtype), vectors[:0], tf.zeros_like(candidates))
    free = tf.TensorShape([None, dim])
    _, total, d_vectors, d_candidates = tf.while_loop(
        lambda begin, *_: begin < rows,
        part,
        start,
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([]), free, free),
        parallel_iterations=1,
    )
    right = tf.gather(candidates, labels)
    # What the softmax is held against: the item that came next and, smoothed, the mean of all.
    expected = (1.0 - smoothing) * right + smoothing * tf.reduce_mean(candidates, axis=0)
    total -= tf.reduce_sum(vectors * expected)
    d_vectors -= expected
    d_candidates = tf.tensor_scatter_nd_sub(
        d_candidates, labels[:, None], (1.0 - smoothing) * vectors
    )
    evenly = smoothing / tf.cast(tf.shape(candidates)[0], vectors.dtype)
    d_candidates -= evenly * tf.reduce_sum(vectors, axis=0)

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, None, None]:
        return upstream * d_vectors, upstream * d_candidates, None, None

    return total, gradient


def _rows_of_a_part(candidates: tf.Tensor) -> tf.Tensor:
    """How many rows of `candidates` exponentials each are held at once."""
    few = tf.minimum(_FEWEST_ROWS, tf.maximum(_MOST_CELLS // candidates, 1))
    return tf.maximum(_CELLS // candidates, few)


def _exponentials(
    vectors: tf.Tensor, extended: tf.Tensor, longest: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """exp(score − shift) `[N, M]`, and the shift of each row `[N, 1]`."""
    bound = tf.norm(vectors, axis=1, keepdims=True) * longest

    def shifted_by_bound() -> tuple[tf.Tensor, tf.Tensor]:
        scores = tf.matmul(tf.concat([vectors, -bound], axis=1), extended, transpose_b=True)
        return tf.exp(scores), bound

    def shifted_by_maximum() -> tuple[tf.Tensor, tf.Tensor]:
        scores = tf.matmul(vectors, extended[:, :-1], transpose_b=True)
        maximum = tf.reduce_max(scores, axis=1, keepdims=True)
        return tf.exp(scores - maximum), maximum

    return tf.cond(tf.reduce_max(bound) < _SAFE_SHIFT, shifted_by_bound, shifted_by_maximum)


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
        two directions). A batch of one has no negatives and gives 0, as does an empty one, which
        a replica can be left with.
    """
    similarities = _similarities(first, second) / temperature  # [2B, 2B]
    logits = tf.where(~_self_pairs(similarities), similarities, _EXCLUDED)
    # One more class that is never right, for an empty batch: no softmax runs over none.
    logits = tf.pad(logits, [[0, 0], [0, 1]], constant_values=_EXCLUDED)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=_partners(similarities), logits=logits
    )
    return _mean(losses)


def batch_margin_regularization(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Contrastive regularisation R with one pair of margins for the batch (Eq. 11 to 13).

    With σ⁺ the similarities of two views of one sequence and σ⁻ those of different sequences,

        o_min = min(min σ⁺, max σ⁻),  o_max = max(min σ⁺, max σ⁻)
        R = mean [σ⁺ − o_min]₊ + mean [o_max − σ⁻]₊

    Args:
        first: float `[B, d]`, one augmented view of each sequence, z̃1.
        second: float `[B, d]`, the other, z̃2.

    Returns:
        Scalar; 0 for a batch of one and for an empty one.
    """
    return _regularization(first, second, per_row=False)


def row_margin_regularization(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Contrastive regularisation R with margins of its own for each of the 2B rows.

    As in the authors' code.

    Args:
        first: float `[B, d]`, one augmented view of each sequence, z̃1.
        second: float `[B, d]`, the other, z̃2.

    Returns:
        Scalar; 0 for a batch of one and for an empty one.
    """
    return _regularization(first, second, per_row=True)


def _regularization(first: tf.Tensor, second: tf.Tensor, per_row: bool) -> tf.Tensor:
    similarities = _similarities(first, second)  # [2B, 2B]
    rows = tf.shape(similarities)[0]
    positives = tf.gather(similarities, _partners(similarities), batch_dims=1)  # [2B]
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

    pulled = _mean(tf.nn.relu(positives - lower))
    pushed = tf.reduce_sum(tf.where(is_negative, tf.nn.relu(upper - similarities), 0.0))
    pairs = tf.cast(rows * (rows - 2), similarities.dtype)
    return pulled + tf.math.divide_no_nan(pushed, pairs)


def _mean(values: tf.Tensor) -> tf.Tensor:
    """Mean of a vector; 0 of an empty one."""
    return tf.math.divide_no_nan(tf.reduce_sum(values), tf.cast(tf.shape(values)[0], values.dtype))


def _similarities(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Inner products of all 2B rows, `[2B, 2B]`."""
    first, second = tf.convert_to_tensor(first), tf.convert_to_tensor(second)
    if first.shape.rank != 2 or not first.shape.is_compatible_with(second.shape):
        raise ValueError(
            f"first and second must have the same shape [B, d], got {first.shape} and "
            f"{second.shape}."
        )
    rows = tf.concat([first, second], axis=0)
    return tf.matmul(rows, rows, transpose_b=True)


def _partners(similarities: tf.Tensor) -> tf.Tensor:
    """Index of the other view of each row's sequence, `[2B]`."""
    rows = tf.shape(similarities)[0]
    return (tf.range(rows) + rows // 2) % rows


def _self_pairs(similarities: tf.Tensor) -> tf.Tensor:
    return tf.eye(tf.shape(similarities)[0], dtype=tf.bool)
