"""A model that scores the whole catalogue: its evaluation by ranks, and its recommendations."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from mclrec_tf.arguments import check_whole
from mclrec_tf.data.item_features import ItemFeatures
from mclrec_tf.encoders.sequence_encoder import SequenceEncoder
from mclrec_tf.evaluation.ranking_metrics import ranking_metrics
from mclrec_tf.evaluation.ranks import POLICIES, Ranks, seen_items, target_ranks
from mclrec_tf.layers.item_feature_embedding import ItemFeatureEmbedding
from mclrec_tf.layers.padded_history import lengths_of, most_recent
from mclrec_tf.models.checked_model import CheckedModel
from mclrec_tf.models.inputs import (
    checked_history,
    checked_item_ids,
    checked_items,
    checked_weights,
    evaluation_rows,
    named_errors,
)
from mclrec_tf.models.item_cosines import item_cosines, item_norms
from mclrec_tf.models.item_counts import ItemCounts
from mclrec_tf.models.item_features import give_features
from mclrec_tf.models.recommendations import (
    ItemLists,
    Recommendations,
    highest_scores,
    in_batches,
)
from mclrec_tf.models.trainable_model import TrainableModel


class SequentialRecommender(CheckedModel, TrainableModel):
    """Scores every item by the inner product with the encoder's vector; base of all models.

    Args:
        encoder: The sequence encoder f_θ.
        counts: What joins the scores from counting; nothing when left out. Training does not
            see it.
        item_features: `ItemFeatures` of the catalogue: the vector of an item is then its own and
            those of its features together; none when left out. The encoder must be new.

    Call arguments:
        history: int tensor `[B, L]` of ids, oldest first, padded with 0, of any length; the most
            recent `encoder.max_length` items are read.
        training: Whether dropout is active.

    Returns:
        Float tensor `[B, num_items + 1]`, a score for every id; -inf for the padding.
    """

    def __init__(
        self,
        encoder: SequenceEncoder,
        *,
        counts: ItemCounts | None = None,
        item_features: ItemFeatures | ItemFeatureEmbedding | None = None,
        **kwargs: Any,
    ) -> None:
        if keras.config.floatx() not in ("float32", "float64"):
            raise ValueError(
                f"floatx must be float32 or float64, got {keras.config.floatx()}: losses and "
                "metrics need them. For 16 bits set the dtype policy mixed_bfloat16 or "
                "mixed_float16."
            )
        if not isinstance(encoder, SequenceEncoder):
            raise ValueError(f"encoder must be a SequenceEncoder, got {encoder!r}.")
        if not isinstance(encoder.item_embedding, keras.layers.Layer):
            raise ValueError(
                f"encoder: {encoder.name} belongs to an ensemble; give the ensemble, or a new "
                "encoder."
            )
        if counts is not None and counts.num_items != encoder.num_items:
            raise ValueError(
                f"counts has {counts.num_items} items, but the encoder {encoder.num_items}."
            )
        if item_features is not None:
            give_features(encoder, item_features)
        features = encoder.item_embedding.features
        # A model of computed items has counts that know which are cold, and no features any more.
        if counts is not None and features is not None and counts.num_cold != features.num_cold:
            raise ValueError(
                f"counts has num_cold={counts.num_cold}, but item_features {features.num_cold}: "
                "give ItemCounts the same."
            )
        # One policy for all: Keras looks at the model's to know whether losses must be scaled.
        own = keras.dtype_policies.get(kwargs.pop("dtype", None) or encoder.dtype_policy)
        if own.name != encoder.dtype_policy.name:
            raise ValueError(
                f"dtype must be that of the encoder, {encoder.dtype_policy.name}, got {own.name}: "
                "give it to the encoder."
            )
        super().__init__(dtype=encoder.dtype_policy, **kwargs)
        # The input is ids: cast to the dtype of the weights they would become other ids.
        self.autocast = False
        self.encoder = encoder
        self.counts = counts
        self._ranking_metrics = {policy: ranking_metrics(policy) for policy in POLICIES}

    @property
    def input_dtype(self) -> str:
        """What the input is in an export, by `export` or `tf.saved_model.save`."""
        return "int32"

    @property
    def num_items(self) -> int:
        """Size of the catalogue, |I|."""
        return self.encoder.num_items

    @property
    def learned_weights(self) -> list[keras.Variable]:
        """All weights but those of `counts`, whose tables are counted."""
        counted = {id(weight) for weight in self.counts.weights} if self.counts else set()
        return [weight for weight in self.weights if id(weight) not in counted]

    @property
    def item_features(self) -> ItemFeatureEmbedding | None:
        """What the features of items add to their vectors, if they have any."""
        return self.encoder.item_embedding.features

    @contextmanager
    def items_computed(self) -> Iterator[None]:
        """Within it, the vectors of items with features are computed once, at its begin.

        `evaluate`, `predict`, `recommend` and `rank_targets` do so themselves. Weights that change
        within it are not seen.

        Example:

        ```python
        from mclrec_tf import NextItemModel, SASRec

        model = NextItemModel(SASRec(num_items=100))
        with model.items_computed():
            for history in ([[3, 7]], [[9]]):
                model(history)
        ```
        """
        with self.encoder.item_embedding.computed():
            yield

    def call(self, history: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        return self.scores(checked_history(history, self.num_items), training)

    def user_vectors(self, history: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """The encoder's output at the last item of each history, `[B, d]`; 0 if it is empty."""
        return self._vectors(checked_history(history, self.num_items), training)

    def rank(self, history: tf.Tensor, targets: tf.Tensor) -> Ranks:
        """Ranks of the targets `[B]` under both policies; histories as in `call`."""
        rows = evaluation_rows(history, targets, self.num_items)
        return target_ranks(self.scores(rows.history, training=False), rows.target, rows.history)

    @named_errors
    def recommend(
        self,
        histories: Any,
        k: int = 10,
        keep_seen: bool = False,
        batch_size: int = 256,
        *,
        candidates: Any = None,
        exclude: Any = None,
    ) -> Recommendations:
        """The k best items to follow each history.

        Args:
            histories: Item ids `[B, L]`, oldest first, padded with 0; lists of unlike length will
                do.
            k: Items a history, at least 1.
            keep_seen: Whether items of the history may be recommended again.
            batch_size: Histories scored at once, each against the whole catalogue.
            candidates: The only items to choose from, ids `[B, C]`, padded with 0, or `[C]` for all
                histories alike; the whole catalogue when left out. A row without one has no answer.
            exclude: Items never to recommend, in the same forms; none when left out.

        Returns:
            `[B, min(k, num_items)]`; the places that no item fills come last.

        Raises:
            ValueError: `histories`, `candidates` or `exclude` holds what is no item of the
                catalogue or does not fit the others, or a number is not whole or below 1.

        Example:

        ```python
        from mclrec_tf import NextItemModel, SASRec

        model = NextItemModel(SASRec(num_items=100))
        model.recommend([[3, 7, 2], [9]], k=5).item_ids.shape  # (2, 5)
        ranked = model.recommend([[3, 7, 2]], k=3, candidates=[11, 12, 13], keep_seen=True)
        sorted(ranked.item_ids[0].tolist())  # [11, 12, 13]
        ```
        """
        check_whole(1, k=k, batch_size=batch_size)
        ids = checked_history(histories, self.num_items)
        among = candidates if candidates is None else self._lists("candidates", candidates, ids)
        without = exclude if exclude is None else self._lists("exclude", exclude, ids)

        def best(rows: slice) -> Recommendations:
            history = ids[rows]
            left_out = tf.constant(False)
            if not keep_seen:
                left_out |= seen_items(history, self.num_items)
            if without is not None:
                left_out |= without.named(rows)
            if among is not None:
                left_out |= ~among.named(rows)
            scores = self.scores(history, training=False)
            return highest_scores(scores, min(k, self.num_items), left_out)

        with self.items_computed():
            return in_batches(len(ids), batch_size, best)

    @named_errors
    def similar_items(self, items: Any, k: int = 10, batch_size: int = 256) -> Recommendations:
        """The k items whose vectors have the largest cosine with that of each item.

        Args:
            items: Item ids `[B]`; 0 for none, which has no answer.
            k: Items to answer with, at least 1; never the item itself.
            batch_size: Items compared at once, each with the whole catalogue.

        Raises:
            ValueError: `items` holds what is no item of the catalogue or is no `[B]`, or a number
                is not whole or below 1.

        Example:

        ```python
        from mclrec_tf import NextItemModel, SASRec

        model = NextItemModel(SASRec(num_items=100))
        model.similar_items([3, 7], k=5).item_ids.shape  # (2, 5)
        ```
        """
        check_whole(1, k=k, batch_size=batch_size)
        ids = checked_item_ids(items, self.num_items)
        vectors = self.item_vectors()
        norms = item_norms(vectors)
        return in_batches(
            len(ids),
            batch_size,
            lambda rows: highest_scores(
                item_cosines(vectors, norms, ids[rows]), min(k, self.num_items)
            ),
        )

    def item_vectors(self) -> tf.Tensor:
        """The vectors of all ids, float `[num_items + 1, d]`; row 0 is the padding's."""
        return tf.cast(self.encoder.item_embedding.candidates(), keras.config.floatx())

    def _lists(self, name: str, items: Any, history: tf.Tensor) -> ItemLists:
        return ItemLists(checked_items(name, items, self.num_items, len(history)), self.num_items)

    def scores(self, history: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """The scores of `call`, for histories in the form that `checked_history` gives."""
        return self.joint_scores(history, self.encoder_scores(history, training))

    def joint_scores(self, history: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
        """The scores of `call` from those of the encoder.

        Args:
            history: In the form that `checked_history` gives.
            scores: Its `encoder_scores`.
        """
        if self.counts is not None:
            # While nothing is learned of them, the scores are the encoder's, of repeats too: a
            # training is stopped by what its encoder has learned.
            scores = tf.cond(
                self.counts.is_learned,
                lambda: tf.cast(self.counts(history, tf.cast(scores, tf.float32)), scores.dtype),
                lambda: scores,
            )
        popularity = -tf.math.log(tf.range(self.num_items + 1, dtype=scores.dtype))
        is_empty = ~tf.reduce_any(history > 0, axis=1, keepdims=True)
        scores = tf.where(is_empty, popularity, scores)
        lowest = tf.constant(-float("inf"), scores.dtype)
        return tf.where(tf.range(self.num_items + 1) == 0, lowest, scores)

    def encoder_scores(self, history: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Inner products of the encoder's vectors with those of all ids, the padding's too."""
        return self.inner_products(self._vectors(history, training))

    def inner_products(self, vectors: tf.Tensor) -> tf.Tensor:
        """Inner products of vectors `[B, d]` with those of all ids, `[B, |I| + 1]`."""
        # The encoder may compute in 16 bits (mixed precision); scores are never less than float32.
        vectors = tf.cast(vectors, keras.config.floatx())
        return tf.matmul(vectors, self.item_vectors(), transpose_b=True)

    def _vectors(self, history: tf.Tensor, training: bool | None) -> tf.Tensor:
        recent = most_recent(history, self.encoder.max_length)
        lengths = lengths_of(recent)
        vectors = self.encoder(recent, lengths, last_only=True, training=training)
        return tf.where(lengths[:, None] > 0, vectors, tf.zeros_like(vectors))

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        history, targets, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        rows = evaluation_rows(history, targets, self.num_items)
        weight = tf.cast(rows.has_target, keras.config.floatx())
        if sample_weight is not None:
            weight *= checked_weights(sample_weight)
        ranks = target_ranks(self.scores(rows.history, training=False), rows.target, rows.history)
        for policy, metrics in self._ranking_metrics.items():
            for metric in metrics:
                metric.update_state(getattr(ranks, policy), sample_weight=weight)
        return self.results_of_step(self.evaluation_metrics)

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        with self.items_computed():
            return super().evaluate(*args, **kwargs)

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        with self.items_computed():
            return super().predict(*args, **kwargs)

    def test_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        with self.items_computed():
            return super().test_on_batch(*args, **kwargs)

    def predict_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        with self.items_computed():
            return super().predict_on_batch(*args, **kwargs)

    @property
    def evaluation_metrics(self) -> list[keras.metrics.Metric]:
        """The ranking metrics under both policies."""
        return [metric for group in self._ranking_metrics.values() for metric in group]
