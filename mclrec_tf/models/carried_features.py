"""What an earlier model has learned of the features of items, for a new one."""

from typing import NamedTuple

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from mclrec_tf.models.sequential_recommender import SequentialRecommender

CarriedWeight = tuple[keras.Variable, keras.Variable, npt.NDArray[np.int64] | None]
"""A weight of the new model, that of the earlier one, and for each row of the new one its row
there, or -1; None where all rows mean the same."""


class CommonFeatures(NamedTuple):
    """Names of the features that mean the same in two models."""

    categories: list[str]
    vectors: list[str]


def common_features(
    model: SequentialRecommender, previous: SequentialRecommender, rows: npt.NDArray[np.int64]
) -> CommonFeatures:
    """The features that both models have.

    Given vectors are the same ones if most items that both models know still have theirs. After a
    change of what made them, such as another model of texts, what was learned of them is void.

    Args:
        model: The new model.
        previous: The earlier one.
        rows: For each row of the new item table its row in the earlier one, or -1.

    Raises:
        ValueError: A model does not know the values of a category.
    """
    new, earlier = model.item_features, previous.item_features
    if new is None or earlier is None:
        return CommonFeatures([], [])
    categories = [name for name in new.categories if name in earlier.categories]
    for name in categories:
        for of, features in (("previous", earlier), ("model", new)):
            if name not in features.values:
                raise ValueError(
                    f"{of}: the values of {name!r} are not known: load the model from its .keras "
                    "file, or make it with its item_features."
                )
    known = np.flatnonzero(rows >= 0)[1:-1]  # without the padding and the mask token
    vectors = [
        name
        for name, width in new.vectors.items()
        if earlier.vectors.get(name) == width
        and _mostly_equal(new.given(name)[known], earlier.given(name)[rows[known]])
    ]
    return CommonFeatures(categories, vectors)


def carried_features(
    model: SequentialRecommender, previous: SequentialRecommender, common: CommonFeatures
) -> list[CarriedWeight]:
    """The weights of the features that both models have.

    Args:
        model: The new model.
        previous: The earlier one.
        common: Their `common_features`.
    """
    new, earlier = model.item_features, previous.item_features
    if new is None or earlier is None:
        return []
    carried: list[CarriedWeight] = []
    for name in common.categories:
        row_of = {value: row for row, value in enumerate(earlier.values[name])}
        rows = np.full(new.value_vectors[name].shape[0], -1)
        for row, value in enumerate(new.values[name]):
            rows[row] = row_of.get(value, -1)
        carried.append((new.value_vectors[name], earlier.value_vectors[name], rows))
    for name in common.vectors:
        carried.append((new.projections[name], earlier.projections[name], None))
        # What was learned holds for vectors of this length.
        carried.append((new.scales[name], earlier.scales[name], None))
    return carried


def own_vectors(
    previous: SequentialRecommender, common: CommonFeatures
) -> npt.NDArray[np.floating]:
    """The items' vectors of an earlier model without what its common features add.

    Args:
        previous: The earlier model.
        common: The features that the new model has too.

    Returns:
        `[num_items + 2, d]` of the earlier catalogue.
    """
    items = previous.encoder.item_embedding
    own = np.array(keras.ops.convert_to_numpy(items.table))
    earlier = items.features
    if earlier is None:
        return own
    own[items.is_cold] = 0
    ids = tf.range(len(own))
    for name in earlier.categories.keys() - set(common.categories):
        own += earlier.of_category(name, ids).numpy()
    for name in earlier.vectors.keys() - set(common.vectors):
        own += earlier.of_vectors(name, ids).numpy()
    return own


def _mostly_equal(given: npt.NDArray[np.floating], earlier: npt.NDArray[np.floating]) -> bool:
    """Whether most items that have a vector now or had one before still have the same."""
    has_one = given.any(axis=1) | earlier.any(axis=1)
    if not has_one.any():
        return True
    same = np.isclose(given[has_one], earlier[has_one], rtol=1e-3).all(axis=1)
    return bool(same.mean() > 0.5)
