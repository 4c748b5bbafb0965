"""The best items of a large catalogue, exactly, without the scores of most of it."""

import keras
import numpy as np
import tensorflow as tf

from mclrec_tf.export.balanced_directions import balanced_directions, quickest_count
from mclrec_tf.export.bounded_search import Best, BoundedSearch, picked
from mclrec_tf.export.score_bounds import ScoreBounds
from mclrec_tf.models.item_counts import ItemCounts
from mclrec_tf.models.sequential_recommender import SequentialRecommender

FEWEST_NUMBERS = 8_000_000
"""In smaller item tables, as of 125,000 items with 64 numbers, the whole product is as quick."""

_MOST_PICKED = 1024, 1 / 256
"""So many items at most, or this share of the catalogue, are scored to find a threshold."""

_SAMPLED_ITEMS, _SAMPLED_HISTORIES, _LONGEST = 20_000, 256, 7


class BoundedTopK(tf.Module):
    """Finds the k best items of a model by bounds first, and exact scores of what may be best.

    1. `ScoreBounds` says what each inner product is at most. What counts add, they add to few
       items, whose bounds follow from it.
    2. Some items with high bounds are scored: the k-th best of them is a threshold that the k-th
       best of all cannot be below.
    3. All items whose bound reaches the threshold are scored, and the best of them are the best of
       all. Groups of items whose highest bound is below it are passed over at once.

    Where too many items would have to be scored, because the bounds of some history tell little,
    nothing is found: the product with the whole table has to answer.

    Args:
        model: A trained model without item features.
        bounds: Of its scores.
    """

    def __init__(self, model: SequentialRecommender, bounds: ScoreBounds) -> None:
        super().__init__(name="bounded_top_k")
        self._model = model
        self._bounds = bounds
        self._counts = _learned_counts(model)

    @classmethod
    def of(cls, model: SequentialRecommender, k: int) -> "BoundedTopK | None":
        """That of a model, or None where the product with the whole table is as quick.

        Args:
            model: A trained model without item features.
            k: Items that are usually asked for.
        """
        numbers = model.num_items * model.encoder.dim
        if numbers < FEWEST_NUMBERS or not _scores_as_here(model):
            return None
        items = np.asarray(keras.ops.convert_to_numpy(model.item_vectors()), np.float32)
        random = np.random.default_rng(0)
        count = min(model.num_items, _SAMPLED_ITEMS)
        sampled = items[1 + np.sort(random.choice(model.num_items, count, replace=False))]
        queries = _sampled_vectors(model, random)
        if not np.isfinite(queries).all() or not np.isfinite(items).all():
            return None
        directions = balanced_directions(sampled, queries)
        of_sample = min(max(round(k * count / model.num_items), 1), count)
        leading = quickest_count(sampled, queries, directions, of_sample)
        counts = _learned_counts(model)
        added = np.zeros(len(items), np.float32) if counts is None else counts.cold_scores()
        return cls(model, ScoreBounds(items, np.asarray(added), directions, leading))

    def __call__(
        self,
        history: tf.Tensor,
        vectors: tf.Tensor,
        left_out: tf.Tensor,
        k: tf.Tensor,
        keep_seen: tf.Tensor,
        among: tf.Tensor | None = None,
    ) -> Best:
        """The k best items of each history, unless bounds would not help.

        Args:
            history: int32 `[B, L]`, oldest first, right-padded with 0.
            vectors: Float `[B, d]`, the model's `user_vectors` of it.
            left_out: int32 `[B, S]`, items that are not recommended, padded with 0 anywhere.
            k: int32 `[]`, at most |I|.
            keep_seen: bool `[]`, whether items of any history may be recommended. What counts make
                of their scores depends on the scores of all others.
            among: bool `[B, |I| + 1]`, the only items that are; all when None.
        """

        def search() -> Best:
            parts = self._model, self._counts, self._bounds
            return BoundedSearch(*parts, history, vectors, left_out, among).best(k)

        fewest, share = _MOST_PICKED
        helps = picked(k, left_out) <= max(fewest, int(share * self._model.num_items))
        if self._counts is not None:
            helps &= ~keep_seen
        return tf.cond(helps, search, Best.none)


def _scores_as_here(model: SequentialRecommender) -> bool:
    """Whether its scores are made as here: those of a class derived from ours need not be."""
    base = SequentialRecommender
    return (
        keras.config.floatx() == "float32"
        and type(model).scores is base.scores
        and type(model).encoder_scores is base.encoder_scores
        and type(model).joint_scores is base.joint_scores
        and type(model).inner_products is base.inner_products
        and (model.counts is None or type(model.counts) is ItemCounts)
    )


def _learned_counts(model: SequentialRecommender) -> ItemCounts | None:
    """The counts of a model, unless they add nothing."""
    return model.counts if model.counts is not None and bool(model.counts.is_learned) else None


def _sampled_vectors(model: SequentialRecommender, random: np.random.Generator) -> np.ndarray:
    """Vectors of made-up histories, of one item and of some, float64 `[Q, d]`.

    Measured with the histories of real users, these find bounds as good as those users' own.
    """
    lengths = np.repeat([1, _LONGEST], _SAMPLED_HISTORIES)
    lengths[_SAMPLED_HISTORIES:] = random.integers(1, _LONGEST + 1, _SAMPLED_HISTORIES)
    drawn = random.integers(1, model.num_items + 1, (len(lengths), _LONGEST))
    history = np.where(np.arange(_LONGEST) < lengths[:, None], drawn, 0).astype(np.int32)
    return keras.ops.convert_to_numpy(model.user_vectors(history)).astype(np.float64)
