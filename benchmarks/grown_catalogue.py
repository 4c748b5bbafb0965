"""A trained model with more items than any log here has, for `benchmarks.large_catalogue`."""

import numpy as np
import numpy.typing as npt

from mclrec_tf import ItemCounts, NextItemModel
from mclrec_tf.models.computed_items import with_computed_items
from mclrec_tf.models.item_counts import FEATURES
from mclrec_tf.models.sequential_recommender import SequentialRecommender

SMOOTHING = 0.5
"""Share of a new item's standard deviation that is drawn anew."""

_ROWS = 100_000  # made at once


def grown(
    model: SequentialRecommender, num_items: int, with_counts: bool = True, seed: int = 0
) -> NextItemModel:
    """The model with so many items, whose vectors are distributed like those it has.

    This is the smoothed bootstrap with the variance kept (Silverman and Young, 1987): a new vector
    is one of the model's, drawn with replacement, moved toward their mean, and a normal one of
    their covariance. Drawn without smoothing, every item would have equals; from a normal
    distribution alone, the best items would stand out less than trained ones do. The neighbours of
    an item, where the model counts, are some of the new items made from its model's neighbours.

    Args:
        model: A trained model.
        num_items: Size of the new catalogue, at least that of the model. Items that were cold
            are like all others in it.
        with_counts: Whether the new model has the counts of the given one, if that has any.
        seed: Of what is drawn.
    """
    if num_items < model.num_items:
        raise ValueError(f"the model has {model.num_items:,} items; ask for as many or more.")
    model = with_computed_items(model)
    random = np.random.default_rng(seed)
    known = model.item_vectors().numpy()[1:]
    # Each item once, then others drawn: so every one has new items made from it.
    drawn = random.integers(len(known), size=num_items - len(known))
    origin = np.concatenate([np.arange(len(known)), drawn]).astype(np.int32)
    table = np.zeros((num_items + 2, known.shape[1]), np.float32)
    table[[0, -1]] = model.encoder.item_embedding.table.numpy()[[0, -1]]
    mean, root = (
        known.mean(axis=0),
        np.linalg.cholesky(np.cov(known.T) + 1e-12 * np.eye(len(known.T))),
    )
    kept = np.sqrt(1 - SMOOTHING**2)
    for begin in range(0, num_items, _ROWS):
        of_part = origin[begin : begin + _ROWS]
        noise = random.standard_normal((len(of_part), len(mean)), np.float32) @ root.T
        table[1 + begin : 1 + begin + len(of_part)] = (
            mean + kept * (known[of_part] - mean) + SMOOTHING * noise
        )
    config = model.encoder.get_config()
    counts = None
    if with_counts and model.counts is not None:
        counts = _grown_counts(model.counts, origin, random)
    larger = NextItemModel(
        type(model.encoder).from_config(_with_items(config, num_items)), counts=counts
    )
    items = larger.encoder.item_embedding.table
    for weight, of_model in zip(larger.encoder.weights, model.encoder.weights, strict=True):
        weight.assign(table if weight is items else of_model)
    return larger


def _with_items(config: object, num_items: int) -> object:
    """A configuration with another size of the catalogue, of an encoder and of its members."""
    if isinstance(config, dict):
        changed = {name: _with_items(value, num_items) for name, value in config.items()}
        return {**changed, "num_items": num_items} if "num_items" in config else changed
    if isinstance(config, list):
        return [_with_items(value, num_items) for value in config]
    return config


def _grown_counts(
    counts: ItemCounts, origin: npt.NDArray[np.int32], random: np.random.Generator
) -> ItemCounts:
    larger = ItemCounts(
        len(origin),
        counts.num_neighbours,
        counts.max_length,
        encoder_scores_repeats=counts.encoder_scores_repeats,
    )
    order = np.argsort(origin, kind="stable")
    splits = np.searchsorted(origin[order], np.arange(counts.num_items + 1))
    rows = np.concatenate([[0], origin + 1])
    for name in ("next", "followers", "companions"):
        of_model, own = getattr(counts, name), getattr(larger, name)
        neighbours = of_model.neighbours.numpy()[rows]
        at = np.maximum(neighbours - 1, 0)
        among = splits[at] + (random.random(at.shape) * (splits[at + 1] - splits[at])).astype(int)
        own.assign(
            np.where(neighbours > 0, order[among] + 1, 0), of_model.neighbour_weights.numpy()[rows]
        )
    larger.feature_weights.assign(counts.feature_weights[: len(FEATURES)])
    return larger
