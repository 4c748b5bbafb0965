"""Similarity by categories is the mean of the cosines of all pairs, computed one by one."""

import itertools

import numpy as np
import pytest

from mclrec_tf.data.item_features import ItemCategories
from mclrec_tf.evaluation.category_similarity import CategoryValues, category_similarity
from mclrec_tf.evaluation.ranking_metrics import CUTOFFS

NUM_ITEMS = 30


def categories(seed: int) -> dict[str, ItemCategories]:
    rng = np.random.default_rng(seed)

    def lists(most: int) -> list[list[str]]:
        counts = rng.integers(0, most + 1, NUM_ITEMS)
        return [[f"v{v}" for v in rng.choice(6, count, replace=False)] for count in counts]

    return {name: ItemCategories.from_lists(lists(most)) for name, most in (("a", 3), ("b", 1))}


def one_by_one(items: list[int], found: dict[str, ItemCategories]) -> float:
    def cosine(i: int, j: int) -> float:
        one, other = ({(n, v) for n, c in found.items() for v in c.of_item(x)} for x in (i, j))
        return len(one & other) / max((len(one) * len(other)) ** 0.5, 1)

    pairs = list(itertools.combinations([item for item in items if item], 2))
    return float(np.mean([cosine(*pair) for pair in pairs])) if pairs else np.nan


@pytest.mark.parametrize("length", [1, 4, 10, 20])
def test_it_is_the_mean_of_the_pairs(length: int) -> None:
    found = categories(length)
    rng = np.random.default_rng(length)
    items = np.stack([rng.permutation(NUM_ITEMS)[:length] + 1 for _ in range(40)])
    items[5, length // 2 :] = 0  # a short list
    items[6] = 0
    similar = category_similarity(items, CategoryValues.of(found))
    expected = [[one_by_one(row[:cutoff], found) for cutoff in CUTOFFS] for row in items.tolist()]
    np.testing.assert_allclose(similar, expected, atol=1e-12)


def test_items_of_equal_values_are_one_and_of_others_nothing_alike() -> None:
    brands = ItemCategories.from_lists([["x"]] * 5 + [["y"]] * 5 + [[]] * 5)
    values = CategoryValues.of({"brand": brands})
    items = np.array([[1, 2, 3, 4, 5], [11, 12, 13, 14, 15], [1, 6, 11, 0, 0]])
    np.testing.assert_allclose(category_similarity(items, values)[:, 0], [1, 0, 0])


def test_no_category_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one category"):
        CategoryValues.of({})
