"""Which items go together: neighbours by co-occurrence in the histories of training."""

import numpy as np
import numpy.typing as npt

from mclrec_tf.arguments import check_whole
from mclrec_tf.data.histories import Histories


def similar_items(
    histories: Histories, num_items: int, count: int = 1, window: int = 5
) -> npt.NDArray[np.int32]:
    """For each item the items that stand near it most often, by their counts.

    The similarity of two items adds up 1 / log(1 + length of the history) for each time that they
    stand within `window` positions of each other, and is divided by the root of the product of both
    items' counts. That is CoSeRec's measure (item-based, with inverse user frequency), but for
    the window: without one a history gives as many pairs as the square of its length.

    Args:
        histories: The training part of each user.
        num_items: Size of the catalogue, |I|.
        count: Neighbours to find of each item, k.
        window: Greatest distance of positions that counts.

    Returns:
        int32 `[num_items + 1, count]`, row i the neighbours of item i, nearest first. An item
        with fewer of them has the nearest again, and one without any has itself.

    Raises:
        ValueError: A number is below 1, or an item of the histories is beyond `num_items`.

    Example:
        >>> from mclrec_tf.data.histories import Histories
        >>> from mclrec_tf.data.item_similarity import similar_items
        >>> similar_items(Histories.from_lists([[1, 2], [2, 1, 3], [1, 2]]), 4)[:, 0]
        array([0, 2, 1, 1, 4], dtype=int32)

    Reference:
        Liu et al., 2021, arXiv 2108.06479.
    """
    check_whole(1, num_items=num_items, count=count, window=window)
    if int(histories.items.max(initial=0)) > num_items:
        raise ValueError(
            f"histories: item {histories.items.max()} is beyond num_items={num_items}."
        )
    keys, weights = _pairs(histories, num_items, window)
    first, second = keys // (num_items + 1), keys % (num_items + 1)
    counts = np.bincount(histories.items, minlength=num_items + 1)
    similarity = weights / np.sqrt(counts[first] * counts[second])
    # Nearest first, of equally near ones the more popular, which has the lower id.
    order = np.lexsort((second, -similarity, first))
    first, second = first[order], second[order]
    rank = np.arange(len(first)) - np.searchsorted(first, first)
    neighbours = np.tile(np.arange(num_items + 1, dtype=np.int32)[:, None], (1, count))
    nearest = rank == 0
    neighbours[first[nearest]] = second[nearest, None]
    kept = rank < count
    neighbours[first[kept], rank[kept]] = second[kept]
    return neighbours


def _pairs(
    histories: Histories, num_items: int, window: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Ordered pairs of different items, `first · (|I| + 1) + second`, and their summed weights."""
    items = histories.items.astype(np.int64)
    owner = np.repeat(np.arange(len(histories)), histories.lengths)
    weight = 1.0 / np.log1p(np.maximum(histories.lengths, 1))
    keys, weights = np.zeros(0, np.int64), np.zeros(0)
    for distance in range(1, window + 1):
        counted = (owner[:-distance] == owner[distance:]) & (items[:-distance] != items[distance:])
        one, other = items[:-distance][counted], items[distance:][counted]
        both_ways = [one * (num_items + 1) + other, other * (num_items + 1) + one]
        added = np.tile(weight[owner[:-distance][counted]], 2)
        # Added up distance by distance, so that memory grows with the log, not with the window.
        keys, group = np.unique(np.concatenate([keys, *both_ways]), return_inverse=True)
        summed = np.bincount(group, np.concatenate([weights, added]), len(keys))
        weights = summed.astype(np.float64)
    return keys, weights
