"""Metrics by how often the target stands in the training data: cold-start items, and the others."""

import numpy as np
import numpy.typing as npt

from mclrec_tf.evaluation.offline import summarize
from mclrec_tf.evaluation.ranks import Ranks

SLICES = {"cold": (0, 0), "1-5": (1, 5), "warm": (6, None)}
"""The fewest and the most training events of the targets of each slice."""


def summarize_by_training_events(
    ranks: Ranks, targets: npt.ArrayLike, training_events: npt.ArrayLike
) -> dict[str, dict[str, float]]:
    """Metrics of the users whose target is a cold item, a rare one, and one of the others.

    A target is `cold` without a training event (a cold-start item), in the slice `1-5` with so
    many, and `warm` with more. Means over all users hide how items fare that are new: there are
    few users who take them.

    Args:
        ranks: The rank of each user's target, as of `rank_targets`.
        targets: int `[U]`, the target of each user; 0 for one that the catalogue does not hold,
            which is cold.
        training_events: int `[|I|]`, how often the training data has each item, position i item
            i + 1: `Histories.item_counts` of the training part.

    Returns:
        By slice, `users`, the number of them, and the metrics of `summarize`; of a slice without a
        user `users` alone.

    Raises:
        ValueError: The arguments do not fit together.

    Example:

    ```python
    from mclrec_tf.data.histories import Histories, leave_one_out
    from mclrec_tf.evaluation.baselines import Popularity
    from mclrec_tf.evaluation.offline import rank_targets
    from mclrec_tf.evaluation.target_slices import summarize_by_training_events

    train, validation, test = leave_one_out(Histories.from_lists([[1, 2, 4], [2, 1, 3, 1]]))
    ranks = rank_targets(Popularity(num_items=4), *test)
    slices = summarize_by_training_events(ranks, test.targets, train.item_counts(num_items=4))
    slices["cold"]["users"]  # 1: item 4 is in no training history
    ```
    """
    targets, events = np.asarray(targets), np.asarray(training_events)
    for name, array in (("targets", targets), ("training_events", events)):
        if array.ndim != 1 or array.dtype.kind not in "iu":
            raise ValueError(f"{name} must be integers in one dimension, got {array!r}.")
    if len(ranks.all_items) != len(targets):
        raise ValueError(
            f"targets must have one item a rank: {len(targets)} targets, but "
            f"{len(ranks.all_items)} ranks."
        )
    if len(targets) and not 0 <= targets.min() <= targets.max() <= len(events):
        raise ValueError(
            f"targets must lie in 0..{len(events)}, as training_events has so many items; got "
            f"{targets.min()} to {targets.max()}."
        )
    of_targets = np.concatenate([[0], events])[targets]
    results: dict[str, dict[str, float]] = {}
    for name, (least, most) in SLICES.items():
        inside = of_targets >= least
        if most is not None:
            inside &= of_targets <= most
        results[name] = {"users": int(inside.sum())}
        if inside.any():
            results[name] |= summarize(Ranks(*(np.asarray(rank)[inside] for rank in ranks)))
    return results
