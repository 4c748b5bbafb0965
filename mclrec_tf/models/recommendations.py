"""The best items of each row of scores, as NumPy arrays."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from mclrec_tf.evaluation.ranks import seen_items


class Recommendations(NamedTuple):
    """The best items of each row, best first.

    Attributes:
        item_ids: int32 `[B, k]`; 0 where there are no more items to recommend.
        scores: float `[B, k]`; -inf there.
    """

    item_ids: npt.NDArray[np.int32]
    scores: npt.NDArray[np.floating[Any]]


def highest_scores(scores: tf.Tensor, k: int, left_out: tf.Tensor | None = None) -> Recommendations:
    """The k items with the highest scores of each row.

    Args:
        scores: float `[B, |I| + 1]`, a column an id; -inf for what is never recommended.
        k: Items a row, at most |I|.
        left_out: bool of a shape that can be broadcast to that of the scores.
    """
    lowest = tf.constant(-float("inf"), scores.dtype)
    if left_out is not None:
        scores = tf.where(left_out, lowest, scores)
    values, item_ids = tf.math.top_k(scores, k)
    return Recommendations(tf.where(values > lowest, item_ids, 0).numpy(), values.numpy())


def in_batches(
    count: int, batch_size: int, best: Callable[[slice], Recommendations]
) -> Recommendations:
    """The recommendations of so many rows, made a batch at a time.

    Args:
        count: Rows.
        batch_size: Rows a batch.
        best: The recommendations of some rows; asked once where there is no row.
    """
    starts = range(0, max(count, 1), batch_size)
    parts = [best(slice(start, start + batch_size)) for start in starts]
    return Recommendations(*(np.concatenate(column) for column in zip(*parts, strict=True)))


class ItemLists(NamedTuple):
    """Which items each row lists; one row may stand for all.

    Attributes:
        ids: int32 `[B, C]` or `[1, C]`, padded with 0.
        num_items: |I|.
    """

    ids: tf.Tensor
    num_items: int

    def named(self, rows: slice) -> tf.Tensor:
        """Bool `[rows or 1, |I| + 1]`, whether a row lists an id; the padding always is."""
        return seen_items(self.ids if len(self.ids) == 1 else self.ids[rows], self.num_items)
