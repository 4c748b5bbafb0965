"""Which items stand near each other in histories, counted."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mclrec_tf.arguments import check_share, check_whole
from mclrec_tf.data.histories import Histories, positions

_HELD = 2**25  # pairs, with what it takes to sort them


class ItemPairs(NamedTuple):
    """Ordered pairs of different items and the weight of each; no pair comes twice.

    Attributes:
        first: int64 `[P]`, ascending.
        second: int64 `[P]`, ascending among pairs of the same first item.
        weight: float64 `[P]`, above 0.
    """

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float64]


class Neighbours(NamedTuple):
    """The items with the greatest weight beside each item.

    Attributes:
        items: int32 `[|I| + 1, F]`, row i those beside item i, the greatest weight first, padded
            with 0; row 0 is the padding's.
        weights: float32 `[|I| + 1, F]`; 0 for the padding.
    """

    items: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float32]


def item_pairs(
    histories: Histories,
    num_items: int,
    window: int,
    decay: float = 1.0,
    both_ways: bool = False,
    by_length: bool = False,
) -> ItemPairs:
    """Adds up how often one item comes within some places after another.

    Memory grows with the pairs that are different, not with the window: pairs are added up whenever
    there are `_HELD` of them, 1 GB.

    Args:
        histories: The training part of each user, oldest first.
        num_items: Size of the catalogue, |I|.
        window: Greatest distance of positions that counts.
        decay: What a pair weighs against one that is a place nearer, from 0 to 1.
        both_ways: Whether each pair counts in the other order as well.
        by_length: Whether pairs of a history weigh 1 / log(1 + its length) (inverse user
            frequency).

    Raises:
        ValueError: A number is out of its range, or an item of the histories is beyond
            `num_items`.
    """
    check_whole(1, num_items=num_items, window=window)
    check_share(decay=decay)
    if int(histories.items.max(initial=0)) > num_items:
        raise ValueError(
            f"histories: item {histories.items.max()} is beyond num_items={num_items}."
        )
    items = histories.items.astype(np.int64)
    owner = np.repeat(np.arange(len(histories)), histories.lengths)
    of_history = np.ones(len(histories))
    if by_length:
        of_history = 1.0 / np.log1p(np.maximum(histories.lengths, 1))
    keys, weights = [np.zeros(0, np.int64)], [np.zeros(0)]
    for distance in range(1, window + 1):
        counted = (owner[:-distance] == owner[distance:]) & (items[:-distance] != items[distance:])
        keys.append(items[:-distance][counted] * (num_items + 1) + items[distance:][counted])
        weights.append(of_history[owner[:-distance][counted]] * decay ** (distance - 1))
        if sum(map(len, keys)) > _HELD:
            keys, weights = _added_up(keys, weights)
    if both_ways:
        keys, weights = _added_up(keys, weights)
        keys.append(keys[0] % (num_items + 1) * (num_items + 1) + keys[0] // (num_items + 1))
        weights.append(weights[0])
    (pairs,), (weight,) = _added_up(keys, weights)
    return ItemPairs(pairs // (num_items + 1), pairs % (num_items + 1), weight)


def _added_up(
    keys: list[npt.NDArray[np.int64]], weights: list[npt.NDArray[np.float64]]
) -> tuple[list[npt.NDArray[np.int64]], list[npt.NDArray[np.float64]]]:
    """Each key once, in order, with the sum of its weights."""
    found, group = np.unique(np.concatenate(keys), return_inverse=True)
    summed = np.bincount(group, np.concatenate(weights), minlength=len(found))
    return [found], [summed.astype(np.float64)]


def strongest(pairs: ItemPairs, num_items: int, count: int) -> Neighbours:
    """The `count` pairs of each item that weigh most; of equal ones those of the lower ids.

    Args:
        pairs: The pairs, in the order of `ItemPairs`.
        num_items: Size of the catalogue, |I|.
        count: F.
    """
    # Stable, so that pairs of equal weight stay in the order of their ids.
    order = np.lexsort((-pairs.weight, pairs.first))
    place = positions(np.bincount(pairs.first, minlength=num_items + 1))
    kept = order[place < count]
    first, place = pairs.first[kept], place[place < count]
    items = np.zeros((num_items + 1, count), np.int32)
    weights = np.zeros((num_items + 1, count), np.float32)
    items[first, place] = pairs.second[kept]
    weights[first, place] = pairs.weight[kept]
    return Neighbours(items, weights)
