"""Training that goes on from an earlier model, although the catalogue has changed since."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from mclrec_tf.models.architecture import check_alike
from mclrec_tf.models.carried_features import carried_features, common_features, own_vectors
from mclrec_tf.models.computed_items import without_features
from mclrec_tf.models.sequential_recommender import SequentialRecommender
from mclrec_tf.training.averaged_weights import unwrapped

_RARE_SHARE = 0.1  # of the earlier items, taken from the end of its vocabulary


def warm_start(
    model: SequentialRecommender,
    previous: SequentialRecommender,
    items: Sequence[str],
    previous_items: Sequence[str],
) -> int:
    """Gives a new model all that an earlier one has learned.

    Items are told apart by their names, so they may have come, gone and changed their ids. Known
    items keep their vectors and the states of their optimizer, so the encoder's scores of
    known items on known histories are those of the earlier model until the first step. A new item
    starts near the mean of the rarest tenth of the earlier items, because it will be rare as well;
    from zero it would overtake all items that the model has learned not to recommend.

    What features of items add to their vectors is carried over by the names of the features, and of
    a category by its values. So a new item starts with what its features are known to say, and a
    cold one has nothing else. A feature that is new, or whose given vectors are others than before,
    starts at zero. What a feature added that the new model does not have becomes part of each
    item's own vector: scores of known items stay, too, where features come or go altogether.

    The tables of `counts` stay those of the new model, which come from its own histories; only the
    weights with which they join the scores are taken over, if both join them in the same way.
    `mclrec_tf.models.recipe.train_model` learns these weights anew.

    The learning rates stay those of the new model. An optimizer of another class than before starts
    anew, and so do averaged weights, from the weights.

    Args:
        model: Compiled, with the new catalogue; its weights change in place.
        previous: Compiled, or its optimizers start anew.
        items: Names of the new model's items, by id from 1.
        previous_items: Names of the earlier model's items, by id from 1.

    Returns:
        How many of the items were known.

    Raises:
        ArchitectureMismatchError: The models differ in more than the catalogue; the new one is
            as it was.
        ValueError: A vocabulary does not fit its model, the model is not compiled, or one of the
            models does not know the values of a category.

    Example:

    ```python
    import keras
    from mclrec_tf import MCLRec, PostNormSASRec
    from mclrec_tf.models.warm_start import warm_start

    yesterdays_items, items = ["tea", "milk"], ["milk", "rum", "tea"]
    previous = MCLRec(PostNormSASRec(num_items=2))  # or keras.models.load_model("yesterday.keras")
    model = MCLRec(PostNormSASRec(num_items=3))
    for one in (previous, model):
        one.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
    warm_start(model, previous, items, yesterdays_items)  # 2: the items that were known
    ```
    """
    for name, names, of in (("items", items, model), ("previous_items", previous_items, previous)):
        if len(names) != of.num_items or len(set(names)) != len(names):
            raise ValueError(
                f"{name}: {len(names)} names, {len(set(names))} of them different, but the model "
                f"has {of.num_items} items."
            )
    if not model.compiled:
        raise ValueError("model must be compiled, so that its optimizers can go on.")
    check_alike(model, previous)
    rows = _previous_rows(items, previous_items)
    common = common_features(model, previous, rows)
    table = model.encoder.item_embedding.table
    carried: dict[int, tuple[keras.Variable, np.ndarray | None]] = {}
    # Also those that are not trained: frozen, or moving statistics of an encoder of one's own.
    for weight, earlier in zip(
        without_features(model, model.learned_weights),
        without_features(previous, previous.learned_weights),
        strict=True,
    ):
        if weight is table:
            values = own_vectors(previous, common)
            start = keras.ops.convert_to_numpy(weight) + _rare_mean(previous, values)
            values = _carried(start, values, rows)
            values[model.encoder.item_embedding.is_cold] = 0
        else:
            values = keras.ops.convert_to_numpy(earlier)
        weight.assign(values)
        carried[id(weight)] = earlier, rows if weight is table else None
    for weight, earlier, of_values in carried_features(model, previous, common):
        values = keras.ops.convert_to_numpy(earlier)
        weight.assign(values if of_values is None else _carried(0, values, of_values))
        carried[id(weight)] = earlier, of_values
    counts, earlier_counts = model.counts, previous.counts
    # Weights mean the same to counts of the same form alone.
    if (
        counts is not None
        and earlier_counts is not None
        and counts.encoder_scores_repeats == earlier_counts.encoder_scores_repeats
    ):
        learned = dict(
            zip(earlier_counts.feature_names, earlier_counts.feature_weights.numpy(), strict=True)
        )
        counts.feature_weights.assign([learned.get(name, 0) for name in counts.feature_names])
    for name, weights in (
        ("optimizer", "encoder_weights"),
        ("augmenter_optimizer", "augmenter_weights"),
    ):
        if not hasattr(model, weights):  # an encoder alone has one optimizer
            continue
        _carry_optimizer(
            unwrapped(getattr(model, name, None)),
            unwrapped(getattr(previous, name, None)),
            getattr(model, weights),
            carried,
        )
    return int(np.count_nonzero(rows[1:-1] >= 0))


def _previous_rows(items: Sequence[str], previous_items: Sequence[str]) -> np.ndarray:
    """For each row of the new table its row in the earlier one, or -1."""
    row_of = {name: row for row, name in enumerate(previous_items, start=1)}
    mask_token = len(previous_items) + 1
    return np.array([0, *(row_of.get(name, -1) for name in items), mask_token])


def _rare_mean(previous: SequentialRecommender, table: np.ndarray) -> np.ndarray:
    vectors = table[1 : previous.encoder.item_embedding.num_trained + 1]  # by falling frequency
    return vectors[-max(round(_RARE_SHARE * len(vectors)), 1) :].mean(axis=0)


def _carried(fresh: np.ndarray | float, earlier: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.where((rows >= 0)[:, None], earlier[rows], fresh)


def _carry_optimizer(
    optimizer: Any,
    previous: Any,
    weights: Sequence[keras.Variable],
    carried: Mapping[int, tuple[keras.Variable, np.ndarray | None]],
) -> None:
    if type(optimizer) is type(previous):
        optimizer.iterations.assign(previous.iterations)
        for weight in weights:
            if id(weight) not in carried:  # of a new feature
                continue
            earlier, rows = carried[id(weight)]
            slots, earlier_slots = _slots(optimizer, weight), _slots(previous, earlier)
            for kind in slots.keys() & earlier_slots.keys():
                values = keras.ops.convert_to_numpy(earlier_slots[kind])
                slots[kind].assign(values if rows is None else _carried(0, values, rows))
    if getattr(optimizer, "use_ema", False):
        for weight in weights:
            _slots(optimizer, weight)["average"].assign(weight)


def _slots(optimizer: Any, weight: keras.Variable) -> dict[str, keras.Variable]:
    """What an optimizer keeps for a weight, by kind: "momentum", "velocity", "average"."""
    prefix = weight.path.replace("/", "_") + "_"
    return {
        v.name.removeprefix(prefix): v for v in optimizer.variables if v.name.startswith(prefix)
    }
