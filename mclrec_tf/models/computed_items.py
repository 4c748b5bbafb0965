"""A trained model whose items' vectors are one plain table, whatever they were made of."""

from typing import Any

import keras

from mclrec_tf.models.sequential_recommender import SequentialRecommender


def with_computed_items(model: SequentialRecommender) -> SequentialRecommender:
    """The same scores from a model without features: the vectors of all items are its item table.

    For use, not for training: what served models cost is what they cost without features. A model
    without features is its own.

    Args:
        model: A trained model.

    Example:

    ```python
    from mclrec_tf import NextItemModel, SASRec
    from mclrec_tf.data.item_features import ItemCategories, ItemFeatures
    from mclrec_tf.models.computed_items import with_computed_items

    genres = ItemCategories.from_lists([["drama"], ["comedy", "drama"]])
    model = NextItemModel(SASRec(num_items=2), item_features=ItemFeatures({"genres": genres}, {}))
    with_computed_items(model).item_features is None  # True
    ```
    """
    if model.item_features is None:
        return model
    config: dict[str, Any] = model.get_config()
    del config["item_features"]
    computed = type(model).from_config(config)
    for weight, of_model in zip(
        computed.weights, without_features(model, model.weights), strict=True
    ):
        weight.assign(of_model)
    items = computed.encoder.item_embedding
    items.table.assign(model.encoder.item_embedding.whole_table())
    return computed


def without_features(
    model: SequentialRecommender, weights: list[keras.Variable]
) -> list[keras.Variable]:
    """Those weights of a model that do not belong to the features of its items.

    Args:
        model: The model.
        weights: Some of its weights.
    """
    of_features = {id(w) for w in model.item_features.weights} if model.item_features else set()
    return [weight for weight in weights if id(weight) not in of_features]
