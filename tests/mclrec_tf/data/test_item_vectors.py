"""Vectors of items from their co-occurrence: held against a plain loop and a full decomposition."""

import numpy as np
import pytest

from mclrec_tf.data.histories import Histories
from mclrec_tf.data.item_vectors import item_vectors

NUM_ITEMS = 9


def some_lists(seed: int = 0) -> list[list[int]]:
    random = np.random.default_rng(seed)
    # Item 9 is in no history, and item 8 in one by itself.
    return [random.integers(1, 8, length).tolist() for length in random.integers(2, 15, 40)] + [[8]]


def mutual_information(lists: list[list[int]]) -> np.ndarray:
    near = np.zeros((NUM_ITEMS + 1, NUM_ITEMS + 1))
    for history in lists:
        for begin, one in enumerate(history):
            for distance, other in enumerate(history[begin + 1 : begin + 11]):
                if one != other:
                    near[one, other] += 0.8**distance
                    near[other, one] += 0.8**distance
    total = near.sum(axis=1)
    context = total**0.75 / (total**0.75).sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(np.maximum(np.log(near / np.outer(total, context)), 0), nan=0.0)


@pytest.mark.parametrize("dim", [3, NUM_ITEMS + 1, 16])
def test_they_are_the_strongest_factors_of_the_mutual_information(dim: int) -> None:
    lists = some_lists()
    left, values, _ = np.linalg.svd(mutual_information(lists))
    expected = left[:, :dim] * np.sqrt(values[:dim])
    lengths = np.linalg.norm(expected, axis=1)
    expected /= lengths[lengths > 1e-6].mean()

    found = item_vectors(Histories.from_lists(lists), NUM_ITEMS, dim)
    assert found.shape == (NUM_ITEMS + 1, dim)
    assert found.dtype == np.float32
    # The factors are known but for their signs, which the inner products do not show.
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-4)


def test_the_same_seed_gives_the_same_vectors() -> None:
    histories = Histories.from_lists(some_lists())
    first, second = (item_vectors(histories, NUM_ITEMS, 4, seed=5) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_what_stands_beside_nothing_has_no_vector() -> None:
    found = item_vectors(Histories.from_lists(some_lists()), NUM_ITEMS, 4)
    np.testing.assert_array_equal(found[[0, 8, 9]], 0)
    assert np.linalg.norm(found[1:8], axis=1).min() > 0.01


@pytest.mark.parametrize("lists", [[], [[1], [2]], [[3, 3, 3]]])
def test_histories_without_a_pair_give_zeros(lists: list[list[int]]) -> None:
    np.testing.assert_array_equal(item_vectors(Histories.from_lists(lists), 3, 2), 0)


def test_errors_name_the_argument() -> None:
    histories = Histories.from_lists([[1, 2]])
    with pytest.raises(ValueError, match="dim must be"):
        item_vectors(histories, 2, 0)
    with pytest.raises(ValueError, match="item 2 is beyond num_items=1"):
        item_vectors(histories, 1, 2)
