"""How alike the items of a list are by their categories, such as genres or brands.

The intra-list similarity of `mclrec_tf.evaluation.beyond_accuracy`, the mean cosine of the pairs of
a list (Ziegler et al., WWW 2005), of vectors that are 1 for each value that an item has of any
category and 0 elsewhere. Unlike that of a model's vectors it can be compared from model to model.
Of two items it is the number of values that they share, divided by the geometric mean of their
numbers of values. An item without a value is like no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mclrec_tf.data.item_features import ItemCategories
from mclrec_tf.evaluation.ranking_metrics import CUTOFFS


@dataclass(frozen=True, eq=False)
class CategoryValues:
    """The values that items have of all categories together.

    Attributes:
        ids: int64 `[N]`, the values of item 1, then of item 2, and so on.
        splits: int64 `[|I| + 2]`; item i has `ids[splits[i]:splits[i + 1]]`.
        num_values: How many distinct values there are.
    """

    ids: npt.NDArray[np.int64]
    splits: npt.NDArray[np.int64]
    num_values: int

    @classmethod
    def of(cls, categories: Mapping[str, ItemCategories]) -> CategoryValues:
        """The values of some categories of one catalogue, at least one.

        Raises:
            ValueError: There is none.
        """
        if not categories:
            raise ValueError("categories must have at least one category.")
        items, ids, begin = [], [], 0
        for category in categories.values():
            counts = np.diff(category.splits)
            items.append(np.repeat(np.arange(len(counts)), counts))
            ids.append(category.ids.astype(np.int64) + begin)
            begin += len(category.values)
        of_items = np.concatenate(items)
        order = np.argsort(of_items, kind="stable")
        counts = np.bincount(of_items, minlength=category.num_items + 1)
        splits = np.concatenate([[0], np.cumsum(counts)])
        return cls(np.concatenate(ids)[order], splits, begin)


def category_similarity(
    items: npt.NDArray[np.integer], values: CategoryValues
) -> npt.NDArray[np.float64]:
    """The mean cosine of the pairs of each user's list, at each of `CUTOFFS`.

    Args:
        items: int `[U, K]`, the items recommended to each user, best first; 0 where there is none.
            Cutoffs beyond K see K items.
        values: The values of the items.

    Returns:
        float64 `[U, len(CUTOFFS)]`; NaN for a list of fewer than two items.

    Example:
        >>> import numpy as np
        >>> from mclrec_tf.data.item_features import ItemCategories
        >>> from mclrec_tf.evaluation.category_similarity import CategoryValues, category_similarity
        >>> genres = ItemCategories.from_lists([["drama"], ["comedy", "drama"], ["comedy"]])
        >>> values = CategoryValues.of({"genres": genres})
        >>> category_similarity(np.array([[1, 3], [1, 1]]), values)[:, 0].tolist()
        [0.0, 1.0]
    """
    counts = np.diff(values.splits)[items]
    users, places = np.nonzero(counts)
    each = counts[users, places]
    # The cells of the table of items and values that are not 0, in the order of the lists.
    ends = np.cumsum(each)
    within = np.arange(each.sum()) - np.repeat(ends - each, each)
    ids = values.ids[np.repeat(values.splits[items[users, places]], each) + within]
    keys = np.repeat(users, each) * values.num_values + ids
    weights = np.repeat(1 / np.sqrt(each), each)
    places = np.repeat(places, each)
    found = np.full((len(items), len(CUTOFFS)), np.nan)
    for column, cutoff in enumerate(CUTOFFS):
        inside = places < cutoff
        sums_of, which = np.unique(keys[inside], return_inverse=True)
        sums = np.bincount(which, weights[inside], len(sums_of))
        # Of unit vectors, |Σ v|² is the cosines of all ordered pairs, each with itself too.
        squares = np.bincount(sums_of // values.num_values, sums**2, len(items))
        own = np.count_nonzero(counts[:, :cutoff], axis=1)
        length = np.count_nonzero(items[:, :cutoff], axis=1)
        pairs = np.where(length > 1, length * (length - 1), np.nan)
        found[:, column] = (squares - own) / pairs
    return found
