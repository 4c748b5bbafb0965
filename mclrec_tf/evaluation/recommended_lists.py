"""What a scorer recommends to each user: the best items, under both ranking policies."""

from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from mclrec_tf.arguments import check_whole
from mclrec_tf.data.batches import evaluation_batches, evaluation_order
from mclrec_tf.data.histories import Histories
from mclrec_tf.evaluation.ranking_metrics import CUTOFFS
from mclrec_tf.layers.padded_history import cells_of


class Lists(NamedTuple):
    """The best items of each user, best first, int32 `[U, k]`; 0 where there is no item left.

    Attributes:
        all_items: Of the whole catalogue.
        unseen_items: Of what the history does not hold.
    """

    all_items: tf.Tensor
    unseen_items: tf.Tensor


def best_items(scores: tf.Tensor, history: tf.Tensor, k: int) -> Lists:
    """The items with the highest scores; of equal ones those of lower id, the more popular, first.

    Args:
        scores: float `[B, |I| + 1]`, a column an id; that of the padding is never read. An item
            with score NaN or -inf is not recommended.
        history: int `[B, S]`, the ids that count as seen, padded with 0 anywhere.
        k: Items a list.
    """
    lowest = tf.constant(-float("inf"), scores.dtype)
    columns = tf.shape(scores)[1]
    scores = tf.where(tf.math.is_nan(scores) | (tf.range(columns) == 0), lowest, scores)
    # Without a table of what is seen, which would be as wide as the catalogue.
    unseen = tf.tensor_scatter_nd_update(
        scores, cells_of(history), tf.fill(tf.shape(history), lowest)
    )
    width = tf.minimum(k, columns)

    def best(of: tf.Tensor) -> tf.Tensor:
        values, items = tf.math.top_k(of, width)
        found = tf.pad(tf.where(values > lowest, items, 0), [[0, 0], [0, k - width]])
        return tf.ensure_shape(found, [None, k])

    return Lists(best(scores), best(unseen))


def repeats(items: tf.Tensor, history: tf.Tensor) -> tf.Tensor:
    """How many of the first items of a list the history holds.

    Args:
        items: int `[B, k]`, recommended items, best first, padded with 0.
        history: int `[B, S]`, padded with 0 anywhere.

    Returns:
        int32 `[B, C]`, for each of `CUTOFFS`.
    """
    same = items[:, :, None] == tf.cast(history, items.dtype)[:, None, :]
    seen = tf.reduce_any(same, axis=2) & (items > 0)
    return tf.stack(
        [tf.math.count_nonzero(seen[:, :cutoff], axis=1, dtype=tf.int32) for cutoff in CUTOFFS],
        axis=1,
    )


def recommend_lists(
    scorer: Callable[[tf.Tensor], tf.Tensor],
    histories: Histories,
    k: int = max(CUTOFFS),
    batch_size: int = 256,
    verbose: int = 0,
) -> Lists:
    """What a model or a baseline recommends to each user.

    Args:
        scorer: A model or a baseline: int32 `[B, L]` histories in, `[B, |I| + 1]` scores out.
        histories: What is known of each user, in full.
        k: Items a list.
        batch_size: Users a batch.
        verbose: 1 shows a progress bar.

    Returns:
        `Lists(all_items, unseen_items)`, NumPy int32 `[U, k]` in the order of the users.

    Raises:
        ValueError: A number is below 1, or an item is not of the scorer's catalogue.

    Example:

    ```python
    from mclrec_tf.data.histories import Histories
    from mclrec_tf.evaluation.baselines import Popularity
    from mclrec_tf.evaluation.recommended_lists import recommend_lists

    lists = recommend_lists(Popularity(num_items=4), Histories.from_lists([[1, 3], [2]]), k=3)
    lists.unseen_items.tolist()  # [[2, 4, 0], [1, 3, 4]]
    ```
    """
    check_whole(1, k=k)
    largest = int(histories.items.max(initial=0))

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])
    def recommend(history: tf.Tensor) -> Lists:
        scores = scorer(history)
        if scores.shape[1] is not None and largest >= scores.shape[1]:
            raise ValueError(
                f"histories: item {largest} is not among the {scores.shape[1] - 1} that the scorer "
                "knows."
            )
        return best_items(scores, history, k)

    batches = evaluation_batches(histories, np.zeros(len(histories), np.int32), batch_size)
    progress = keras.utils.Progbar(int(batches.cardinality()), verbose=verbose, unit_name="batch")
    found = []
    for history, _ in batches:
        found.append([policy.numpy() for policy in recommend(history)])
        progress.add(1)
    order = evaluation_order(histories)
    all_items, unseen_items = np.zeros((2, len(order), k), np.int32)
    if found:
        all_items[order] = np.concatenate([a for a, _ in found])
        unseen_items[order] = np.concatenate([u for _, u in found])
    return Lists(all_items, unseen_items)
