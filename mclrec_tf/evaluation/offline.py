"""Offline evaluation: the rank of every user's held-out item, and the metrics from ranks."""

from collections.abc import Callable
from contextlib import nullcontext

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from mclrec_tf.data.batches import evaluation_batches, evaluation_order, held_out_items
from mclrec_tf.data.histories import Histories
from mclrec_tf.evaluation.ranking_metrics import ranking_metrics
from mclrec_tf.evaluation.ranks import Ranks, target_ranks


def rank_targets(
    scorer: Callable[[tf.Tensor], tf.Tensor],
    histories: Histories,
    targets: npt.ArrayLike,
    batch_size: int = 256,
    verbose: int = 0,
) -> Ranks:
    """Ranks each user's target among the whole catalogue, no item left out by sampling.

    Args:
        scorer: A model or a baseline: int32 `[B, L]` histories in, `[B, |I| + 1]` scores out.
        histories: What is known of each user, in full.
        targets: int `[U]`, the held-out item of each user; 0 for one that the catalogue does not
            hold, which ranks behind every other.
        batch_size: Users a batch.
        verbose: 1 shows a progress bar.

    Returns:
        `Ranks(all_items, unseen_items)`, NumPy int64 `[U]` in the order of the users.

    Raises:
        ValueError: `histories` and `targets` do not fit together, or not the scorer's catalogue.

    Example:

    ```python
    from mclrec_tf.data.histories import Histories, leave_one_out
    from mclrec_tf.evaluation.baselines import Popularity
    from mclrec_tf.evaluation.offline import rank_targets, summarize

    train, validation, test = leave_one_out(Histories.from_lists([[3, 2, 1], [1, 3, 2, 4]]))
    ranks = rank_targets(Popularity(num_items=4), *test)
    summarize(ranks)["unseen_items_ndcg_at_10"]  # 1.0: one item is left to each user
    ```
    """
    targets = held_out_items(histories, targets)

    def check(num_items: int | None) -> None:
        for name, ids in (("histories", histories.items), ("targets", targets)):
            if num_items is not None and int(ids.max(initial=0)) > num_items:
                raise ValueError(
                    f"{name}: item {ids.max()} is not among the {num_items} that the scorer knows."
                )

    @tf.function(
        input_signature=[tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)]
    )
    def rank(history: tf.Tensor, target: tf.Tensor) -> Ranks:
        scores = scorer(history)
        check(None if scores.shape[1] is None else scores.shape[1] - 1)
        return target_ranks(scores, target, history)

    batches = evaluation_batches(histories, targets, batch_size)
    progress = keras.utils.Progbar(int(batches.cardinality()), verbose=verbose, unit_name="batch")
    found = []
    # A model adds up the vectors of its items' features once, not in each batch.
    with getattr(scorer, "items_computed", nullcontext)():
        for history, target in batches:
            found.append([policy.numpy() for policy in rank(history, target)])
            progress.add(1)
    order = evaluation_order(histories)
    all_items, unseen_items = np.empty((2, len(order)), np.int64)
    if found:
        all_items[order] = np.concatenate([a for a, _ in found])
        unseen_items[order] = np.concatenate([u for _, u in found])
    return Ranks(all_items, unseen_items)


def summarize(ranks: Ranks) -> dict[str, float]:
    """Hit rate, NDCG and MRR at 5, 10 and 20 under both policies, by name.

    Example:

    ```python
    import numpy as np
    from mclrec_tf.evaluation.offline import summarize
    from mclrec_tf.evaluation.ranks import Ranks

    summarize(Ranks(np.array([1, 30]), np.array([1, 12])))["all_items_hit_rate_at_10"]  # 0.5
    ```
    """
    results = {}
    for policy, values in ranks._asdict().items():
        for metric in ranking_metrics(policy):
            metric.update_state(values)
            results[metric.name] = float(metric.result())
    return results
