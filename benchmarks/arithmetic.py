"""The arithmetic floor of an epoch: its multiply-adds divided by the rate of a matrix product.

The count includes every matrix product that the mathematics of one epoch of MCLRec on
PostNormSASRec needs, for the real lengths and without padding. It excludes all else, such as
softmax, LayerNorm, dropout and Adam. With d = dim, f = inner_dim, K blocks, M items, and windows of
n items:

    projections a token and block     4d² for attention, 2df for the feed-forward network
    attention a window and block      2d · n(n+1)/2: scores and weighted sum, causal
    all positions (history)           K blocks in full
    last position (a view)            K - 1 blocks in full; of the last one 2d² a token for keys
                                      and values, and 2d² + 2df + 2dn a window
    softmax over the catalogue        M·d a prediction
    augmenters                        2 (d·d/2 + d/2·d/4 + d/4·d) a window
    contrast                          (2B)²·d a batch of B windows and each of L_con (three) and R

A loss with its gradient costs three times its forward pass. Stage one differentiates the history,
both views, softmax, augmenters and contrast. Stage two differentiates the augmenters and the
contrast, and encodes the views once more without a gradient.
"""

from dataclasses import dataclass
from time import perf_counter

import numpy as np
import numpy.typing as npt
import tensorflow as tf

_TIMED_PRODUCTS = 20


@dataclass(frozen=True)
class Shape:
    """Sizes of a PostNormSASRec and its catalogue."""

    num_items: int
    dim: int = 64
    inner_dim: int = 256
    num_layers: int = 2


def epoch_multiply_adds(
    shape: Shape, lengths: npt.NDArray[np.int64], batches: int
) -> dict[str, float]:
    """The multiply-adds of an epoch, by part of the model.

    Args:
        shape: Sizes of the model.
        lengths: int64 `[windows]`, the number of items of each window; each item predicts the next.
        batches: Number of batches in the epoch.
    """
    n = np.maximum(lengths, 1)
    # A view is masked, cropped to half or reordered, each with a probability of a third.
    views = np.concatenate([n, n, np.where(n > 1, n // 2, n)])
    view = _last_position(shape, views) * 2 / 3
    d, rows = shape.dim, len(n)
    augmenters = rows * 2 * (d * d / 2 + d * d / 8 + d * d / 4)
    contrast = 4 * d * batches * (2 * rows / batches) ** 2
    return {
        "history": 3.0 * _all_positions(shape, n),
        "views": (3 + 1) * view,
        "softmax": 3.0 * n.sum() * shape.num_items * d,
        "augmenters and contrast": (3 + 3) * (augmenters + contrast),
    }


def matrix_product_rate(rows: int, dim: int, columns: int) -> float:
    """Multiply-adds a second of `[rows, dim] × [dim, columns]` in float32, best of several."""
    left = tf.random.normal([rows, dim])
    right = tf.random.normal([columns, dim])
    product = tf.function(lambda: tf.matmul(left, right, transpose_b=True))
    product()
    seconds = []
    for _ in range(_TIMED_PRODUCTS):
        began = perf_counter()
        product().numpy()
        seconds.append(perf_counter() - began)
    return rows * dim * columns / min(seconds)


def _all_positions(shape: Shape, lengths: npt.NDArray[np.int64]) -> float:
    d, f = shape.dim, shape.inner_dim
    tokens, pairs = lengths.sum(), (lengths * (lengths + 1) // 2).sum()
    return float(shape.num_layers * (tokens * (4 * d * d + 2 * d * f) + 2 * d * pairs))


def _last_position(shape: Shape, lengths: npt.NDArray[np.int64]) -> float:
    d, f = shape.dim, shape.inner_dim
    before = Shape(shape.num_items, d, f, shape.num_layers - 1)
    last = lengths.sum() * 2 * d * d + len(lengths) * (2 * d * d + 2 * d * f)
    return _all_positions(before, lengths) + float(last + 2 * d * lengths.sum())
