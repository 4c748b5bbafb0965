"""Which items go together: neighbours by co-occurrence in the histories of training."""

import numpy as np
import numpy.typing as npt

from mclrec_tf.arguments import check_whole
from mclrec_tf.data.histories import Histories
from mclrec_tf.data.item_pairs import ItemPairs, item_pairs, strongest


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
    check_whole(1, count=count)
    found = strongest(cosine_pairs(histories, num_items, window), num_items, count).items
    # An item without any has itself, and what is then still missing is the nearest again.
    itself = np.arange(num_items + 1, dtype=np.int32)
    nearest = np.where(found[:, 0] > 0, found[:, 0], itself)
    return np.where(found > 0, found, nearest[:, None])


def cosine_pairs(histories: Histories, num_items: int, window: int) -> ItemPairs:
    """The similarity of `similar_items` for all pairs that come within `window` positions.

    Args:
        histories: The training part of each user.
        num_items: Size of the catalogue, |I|.
        window: Greatest distance of positions that counts.

    Raises:
        ValueError: A number is below 1, or an item of the histories is beyond `num_items`.
    """
    pairs = item_pairs(histories, num_items, window, both_ways=True, by_length=True)
    counts = np.bincount(histories.items, minlength=num_items + 1)
    scale = np.sqrt(counts[pairs.first] * counts[pairs.second])
    return pairs._replace(weight=pairs.weight / scale)
