"""How alike items are: the cosine of their vectors."""

import tensorflow as tf


def item_norms(vectors: tf.Tensor) -> tf.Tensor:
    """Lengths of the items' vectors, float `[|I| + 1]`.

    Args:
        vectors: Float `[|I| + 1, d]`, a row an id; row 0 is the padding.
    """
    return tf.norm(vectors, axis=1)


def item_cosines(vectors: tf.Tensor, norms: tf.Tensor, items: tf.Tensor) -> tf.Tensor:
    """Cosines between some items and the whole catalogue.

    Args:
        vectors: Float `[|I| + 1, d]`, a row an id; row 0 is the padding.
        norms: Their `item_norms`, which the caller keeps, because they need the whole table.
        items: int `[B]`, ids; 0 for none.

    Returns:
        Float `[B, |I| + 1]`: 0 for an item without a direction, and -inf for the padding, for the
        item itself, and everywhere for id 0.
    """
    inner = tf.matmul(tf.gather(vectors, items), vectors, transpose_b=True)
    cosines = tf.math.divide_no_nan(inner, tf.gather(norms, items)[:, None] * norms)
    columns = tf.range(tf.shape(vectors)[0], dtype=items.dtype)
    itself = columns == items[:, None]
    nothing = itself | (columns == 0) | (items == 0)[:, None]
    return tf.where(nothing, tf.constant(-float("inf"), cosines.dtype), cosines)
