"""The functions behind the signatures of an export: raw item ids in, raw item ids out.

Their names, inputs and outputs are told where they are written,
`mclrec_tf.export.saved_model.export_savedmodel`.
"""

import tensorflow as tf

from mclrec_tf.evaluation.baselines import Popularity, Recency
from mclrec_tf.evaluation.ranking_metrics import CUTOFFS
from mclrec_tf.evaluation.ranks import seen_items, target_ranks
from mclrec_tf.evaluation.recommended_lists import best_items, repeats
from mclrec_tf.export.bounded_top_k import BoundedTopK
from mclrec_tf.export.item_sets import ItemSets
from mclrec_tf.export.signature_inputs import (
    candidate_set_input,
    candidates_input,
    examples_input,
    exclude_input,
    history_input,
    history_width,
    item_input,
    k_input,
    keep_seen_input,
)
from mclrec_tf.layers.padded_history import without_gaps
from mclrec_tf.models.computed_items import with_computed_items
from mclrec_tf.models.item_cosines import item_cosines, item_norms
from mclrec_tf.models.sequential_recommender import SequentialRecommender

LOWEST_SCORE = tf.float32.min
"""Score of a rank that no item fills; its item id is ""."""


class ExportedModel:
    """The functions behind the signatures, and the table of raw item ids they share.

    Args:
        model: The trained model.
        vocabulary: Path of a text file, one raw item id a line; line i (from 0) is id i + 1.
        k: Items `serving_default` and `rank_examples` return.
    """

    def __init__(self, model: SequentialRecommender, vocabulary: str, k: int) -> None:
        self.model = model = with_computed_items(model)
        self.k = min(k, model.num_items)
        self.width = history_width(model.encoder.max_length)
        self.bounded = BoundedTopK.of(model, self.k)
        self.item_sets = ItemSets(model.num_items)
        self.item_norms = tf.Variable(
            item_norms(model.item_vectors()), trainable=False, name="item_norms"
        )
        line, number = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
        self.id_of = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(vocabulary, tf.string, line, tf.int64, number), -1
        )
        self.name_of = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(vocabulary, tf.int64, number, tf.string, line), ""
        )

    def serving_default(self, history: tf.Tensor) -> dict[str, tf.Tensor]:
        """The k best items that are not in the history."""
        ids = self._known_ids(history_input(history, self.width))
        best = self._best_allowed(ids, ids, tf.constant(self.k), tf.constant(False))
        return {**self._named(*best), "known_items": _known_items(ids)}

    def recommend(
        self, history: tf.Tensor, exclude: tf.Tensor, k: tf.Tensor, keep_seen: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """The best items with options, each row its own."""
        history = history_input(history, self.width)
        return self._recommend(history, exclude, k, keep_seen)

    def recommend_among(
        self,
        history: tf.Tensor,
        candidates: tf.Tensor,
        candidate_set: tf.Tensor,
        exclude: tf.Tensor,
        k: tf.Tensor,
        keep_seen: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """The same for items that are listed or in a named set, and for no other."""
        history = history_input(history, self.width)
        listed = self._ids(candidates_input(candidates, history))
        in_set = self.item_sets(candidate_set_input(candidate_set, history))
        among = self._seen(listed) | in_set
        return self._recommend(history, exclude, k, keep_seen, among)

    def similar_items(self, item: tf.Tensor, k: tf.Tensor) -> dict[str, tf.Tensor]:
        """The items whose vectors have the largest cosines with that of each item."""
        item = item_input(item)
        k = k_input(k, item, "item")
        ids = self._ids(item)
        cosines = item_cosines(self.model.item_vectors(), self.item_norms, ids)
        k = tf.minimum(k, self.model.num_items)
        values, items = tf.math.top_k(cosines, _largest(k))
        return {**self._first(values, items, k), "known_items": _known_items(ids[:, None])}

    def _recommend(
        self,
        history: tf.Tensor,
        exclude: tf.Tensor,
        k: tf.Tensor,
        keep_seen: tf.Tensor,
        among: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        exclude = exclude_input(exclude, history)
        k = k_input(k, history)
        keep_seen = keep_seen_input(keep_seen, history)
        ids = self._known_ids(history)
        seen = tf.where(keep_seen[:, None], 0, ids)
        left_out = tf.concat([seen, self._ids(exclude)], axis=1)
        k = tf.minimum(k, self.model.num_items)
        best = self._best_allowed(ids, left_out, _largest(k), tf.reduce_any(keep_seen), among)
        return {**self._first(*best, k), "known_items": _known_items(ids)}

    def _best_allowed(
        self,
        ids: tf.Tensor,
        left_out: tf.Tensor,
        k: tf.Tensor,
        keep_seen: tf.Tensor,
        among: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The best items of each history, but for those left out, and only among some."""

        def of_all(scores: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            out = self._seen(left_out)
            if among is not None:
                out |= ~among
            values, items = tf.math.top_k(tf.where(out, LOWEST_SCORE, scores), k)
            return values, items

        model = self.model
        if self.bounded is None:
            return of_all(model.scores(ids))
        vectors = model.user_vectors(ids)
        best = self.bounded(ids, vectors, left_out, k, keep_seen, among)
        return tf.cond(
            best.found,
            lambda: (best.scores, best.ids),
            lambda: of_all(model.joint_scores(ids, model.inner_products(vectors))),
        )

    def rank_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Ranks of the targets, by the model and by the baselines, and the k best items.

        Beside them, how many of the best of all items the history holds. A target that the
        catalogue does not hold ranks behind every item.
        """
        features = tf.io.parse_example(
            examples_input(examples),
            {
                "history": tf.io.RaggedFeature(tf.string),
                "target": tf.io.FixedLenFeature([], tf.string, default_value=""),
            },
        )
        # Not without a column, which no model can read, when every history is empty.
        history = tf.pad(features["history"].to_tensor(""), [[0, 0], [0, 1]])
        ids = self._known_ids(history)
        targets = self._ids(features["target"])
        seen = self._seen(ids)
        scores = self.model.scores(ids)
        outputs = self._named(*tf.math.top_k(tf.where(seen, LOWEST_SCORE, scores), self.k))
        outputs["known_items"] = _known_items(ids)
        num_items = self.model.num_items
        for prefix, its_scores in (
            ("", scores),
            ("popularity_", Popularity(num_items)(ids)),
            ("recency_", Recency(num_items)(ids)),
        ):
            for policy, ranks in target_ranks(its_scores, targets, ids)._asdict().items():
                outputs[f"{prefix}{policy}_rank"] = tf.where(targets > 0, ranks, num_items + 1)
        counts = tf.unstack(repeats(best_items(scores, ids, max(CUTOFFS)).all_items, ids), axis=1)
        return outputs | {
            f"repeats_at_{cutoff}": count for cutoff, count in zip(CUTOFFS, counts, strict=True)
        }

    def user_vector(self, history: tf.Tensor) -> dict[str, tf.Tensor]:
        """The encoder's vector of each history; 0 for an empty one."""
        return {
            "vector": self.model.user_vectors(self._known_ids(history_input(history, self.width)))
        }

    def _ids(self, names: tf.Tensor) -> tf.Tensor:
        """Ids of raw item ids; 0, the padding, for unknown ones and for ""."""
        return tf.cast(self.id_of.lookup(names) + 1, tf.int32)

    def _known_ids(self, names: tf.Tensor) -> tf.Tensor:
        """Ids of histories with unknown items dropped, right-padded with 0."""
        return without_gaps(self._ids(names))

    def _seen(self, ids: tf.Tensor) -> tf.Tensor:
        return seen_items(ids, self.model.num_items)

    def _first(self, scores: tf.Tensor, ids: tf.Tensor, k: tf.Tensor) -> dict[str, tf.Tensor]:
        """Of each row of best items as many as it wants."""
        within_k = tf.range(tf.shape(scores)[1])[None] < k[:, None]
        return self._named(tf.where(within_k, scores, LOWEST_SCORE), ids)

    def _named(self, scores: tf.Tensor, ids: tf.Tensor) -> dict[str, tf.Tensor]:
        names = self.name_of.lookup(tf.cast(ids, tf.int64) - 1)
        filled = scores > LOWEST_SCORE
        return {
            "item_ids": tf.where(filled, names, ""),
            "scores": tf.where(filled, scores, LOWEST_SCORE),
        }


def _largest(k: tf.Tensor) -> tf.Tensor:
    return tf.reduce_max(tf.concat([k, [0]], 0))


def _known_items(ids: tf.Tensor) -> tf.Tensor:
    return tf.math.count_nonzero(ids, axis=1, dtype=tf.int32)
