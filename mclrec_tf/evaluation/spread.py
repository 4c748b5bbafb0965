"""How recommendations are spread over a catalogue, from how many lists hold each item.

The formulas and their sources are at the head of `mclrec_tf.evaluation.beyond_accuracy`.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def gini(counts: npt.ArrayLike, num_items: int) -> float:
    """The Gini index of how often items are recommended, as in `beyond_accuracy`.

    Args:
        counts: How many lists hold each item, any number of them up to `num_items`; those left
            out count as 0.
        num_items: |I|. The index of a catalogue of one item is 0.

    Returns:
        From 0, equally often, to 1, always the same item; NaN if nothing is recommended.

    Raises:
        ValueError: There are more counts than items.

    Example:

    ```python
    from mclrec_tf.evaluation.spread import gini

    gini([3, 3], num_items=2), gini([7], num_items=9)  # (0.0, 1.0)
    ```
    """
    ordered = np.sort(np.asarray(counts, np.float64))
    if len(ordered) > num_items:
        raise ValueError(f"counts has {len(ordered)} items, but num_items is {num_items}.")
    if not ordered.sum():
        return float("nan")
    if num_items == 1:
        return 0.0
    place = np.arange(num_items - len(ordered) + 1, num_items + 1)
    return float((2 * place - num_items - 1) @ ordered / ((num_items - 1) * ordered.sum()))


def lists_of_items(
    found: Sequence[tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """How many lists hold each item, as one table for all cutoffs.

    Args:
        found: For each cutoff ids, in any order and perhaps more than once, and how many lists hold
            them. The padding, 0, is left out.

    Returns:
        The items in rising order, int32 `[n]`, and how many lists hold them, int64 `[n, C]`.
    """
    items = np.unique(np.concatenate([items for items, _ in found]))
    items = items[items > 0].astype(np.int32)
    lists = np.zeros((len(items), len(found)), np.int64)
    for column, (of_cutoff, counts) in enumerate(found):
        np.add.at(
            lists[:, column],
            np.searchsorted(items, of_cutoff[of_cutoff > 0]),
            counts[of_cutoff > 0],
        )
    return items, lists
