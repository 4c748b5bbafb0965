"""What an earlier model has learned of the features of items, for a new one."""

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from mclrec_tf.layers.item_feature_embedding import ItemFeatureEmbedding
from mclrec_tf.models.sequential_recommender import SequentialRecommender

CarriedWeight = tuple[keras.Variable, keras.Variable, npt.NDArray[np.int64] | None]
"""A weight of the new model, that of the earlier one, and for each row of the new one its row
there, or -1; None where all rows mean the same."""


def carried_features(
    model: SequentialRecommender, previous: SequentialRecommender
) -> list[CarriedWeight]:
    """The weights of the features that both models have.

    Args:
        model: The new model.
        previous: The earlier one.

    Raises:
        ValueError: A model does not know the values of a category.
    """
    new, earlier = model.item_features, previous.item_features
    if new is None or earlier is None:
        return []
    carried: list[CarriedWeight] = []
    for name in _common(new, earlier)[0]:
        row_of = {value: row for row, value in enumerate(_values("previous", earlier, name))}
        rows = np.full(len(new.value_vectors[name]), -1)
        for row, value in enumerate(_values("model", new, name)):
            rows[row] = row_of.get(value, -1)
        carried.append((new.value_vectors[name], earlier.value_vectors[name], rows))
    for name in _common(new, earlier)[1]:
        carried.append((new.projections[name], earlier.projections[name], None))
        # What was learned holds for vectors of this length.
        carried.append((new.scales[name], earlier.scales[name], None))
    return carried


def own_vectors(
    previous: SequentialRecommender, model: SequentialRecommender
) -> npt.NDArray[np.floating]:
    """The items' vectors of an earlier model without what the features of the new one add.

    Args:
        previous: The earlier model.
        model: The new one.

    Returns:
        `[num_items + 2, d]` of the earlier catalogue.
    """
    items = previous.encoder.item_embedding
    own = np.array(keras.ops.convert_to_numpy(items.table))
    earlier = items.features
    if earlier is None:
        return own
    own[items.is_cold] = 0
    categories, vectors = _common(model.item_features, earlier)
    ids = tf.range(len(own))
    for name in earlier.categories.keys() - categories:
        own += earlier.of_category(name, ids).numpy()
    for name in earlier.vectors.keys() - vectors:
        own += earlier.of_vectors(name, ids).numpy()
    return own


def _common(
    new: ItemFeatureEmbedding | None, earlier: ItemFeatureEmbedding
) -> tuple[list[str], list[str]]:
    """Names of the categories that both have, and of the vectors of one width."""
    if new is None:
        return [], []
    return (
        [name for name in new.categories if name in earlier.categories],
        [name for name, width in new.vectors.items() if earlier.vectors.get(name) == width],
    )


def _values(of: str, features: ItemFeatureEmbedding, name: str) -> tuple[str, ...]:
    if name not in features.values:
        raise ValueError(
            f"{of}: the values of {name!r} are not known: load the model from its .keras file, or "
            "make it with its item_features."
        )
    return features.values[name]
