"""One search for the best items of some histories, by bounds and then by scores."""

from typing import NamedTuple

import tensorflow as tf

from mclrec_tf.export.listed_items import ListedItems, rows_of
from mclrec_tf.export.score_bounds import GROUP, OUT, ScoreBounds
from mclrec_tf.models.item_counts import ItemCounts
from mclrec_tf.models.sequential_recommender import SequentialRecommender

_MOST_SCORED = 1 / 128
"""Share of a catalogue beyond which the exact scores one by one cost more than all at once."""

_SCORED_AT_ONCE = 2**16


class Best(NamedTuple):
    """The best items of each row, if they were found.

    Attributes:
        found: bool `[]`; without, there is no row.
        scores: float32 `[B, k]`, falling; `OUT` for no item.
        ids: int32 `[B, k]`; any for no item.
    """

    found: tf.Tensor
    scores: tf.Tensor
    ids: tf.Tensor

    @classmethod
    def none(cls) -> "Best":
        """They were not."""
        return cls(tf.constant(False), tf.zeros([0, 0]), tf.zeros([0, 0], tf.int32))


class BoundedSearch:
    """The steps of `mclrec_tf.export.bounded_top_k.BoundedTopK`, and what each knows of a request.

    Args:
        model: Whose items are searched.
        counts: Its counts, if they add anything.
        bounds: Of its scores.
        history: int32 `[B, L]`, oldest first, right-padded with 0.
        vectors: Float `[B, d]`, the model's `user_vectors` of it.
        left_out: int32 `[B, S]`, items that are not recommended, padded with 0 anywhere.
        among: bool `[B, |I| + 1]`, the only items that are; all when None.
    """

    def __init__(
        self,
        model: SequentialRecommender,
        counts: ItemCounts | None,
        bounds: ScoreBounds,
        history: tf.Tensor,
        vectors: tf.Tensor,
        left_out: tf.Tensor,
        among: tf.Tensor | None,
    ) -> None:
        self._items = model.item_vectors()
        self._last = model.num_items
        self._counts = counts
        self._popularity = bounds.popularity
        self._rows = tf.shape(history)[0]
        self._vectors = tf.cast(vectors, tf.float32)
        self._is_empty = ~tf.reduce_any(history > 0, axis=1)
        columns = bounds.num_groups * GROUP
        # Padding last, where it is not between rising ids.
        rising = tf.sort(tf.where(left_out > 0, left_out, columns), axis=1)
        self._left_out = ListedItems.of(rising, tf.zeros_like(rising, tf.float32), columns)
        self._given = left_out
        self._bounds = bounds(self._vectors, self._is_empty)
        if among is not None:
            allowed = tf.pad(among, [[0, 0], [0, columns - self._last - 1]])
            self._bounds = tf.where(allowed, self._bounds, OUT)
        self._groups = tf.reshape(self._bounds, [-1, bounds.num_groups, GROUP])
        self._highest = tf.reduce_max(self._groups, axis=2)
        if counts is not None:
            self._listed, added = counts.of_neighbours(history)
            self._added = ListedItems.of(self._listed, added, columns)
            self._without = tf.gather(self._bounds, self._listed, batch_dims=1)
            above = self._without + added + 1e-6 * tf.abs(added)  # what its rounding may be
            self._with_added = tf.where(self._without > OUT / 2, above, OUT)

    def best(self, k: tf.Tensor) -> Best:
        """The k best items, or none where too many may be among them."""
        rows, items, places = self._reaching(self._threshold(k))
        most = tf.cast(tf.size(self._bounds, tf.int64), tf.float32) * _MOST_SCORED
        most += tf.cast(self._rows * (k + tf.shape(self._given)[1]), tf.float32)
        return tf.cond(
            tf.cast(tf.size(rows), tf.float32) <= most,
            lambda: self._best_of(rows, items, places, k),
            Best.none,
        )

    def _threshold(self, k: tf.Tensor) -> tf.Tensor:
        """What the k-th best score is at least, `[B]`: that of some items with high bounds."""
        k = tf.maximum(k, 1)  # of an empty batch, it is 0
        count = tf.minimum(picked(k, self._given), self._last)
        num_groups = tf.minimum(count // 2 + 1, tf.shape(self._highest)[1])
        chosen = tf.math.top_k(self._highest, num_groups).indices
        taken = tf.reshape(tf.gather(self._groups, chosen, batch_dims=1), [self._rows, -1])
        bounds, place = tf.math.top_k(taken, tf.minimum(count, num_groups * GROUP))
        items = tf.gather(chosen, place // GROUP, batch_dims=1) * GROUP + place % GROUP
        scores = self._table_of_scores(items, bounds)
        if self._counts is not None:
            # These are scored below.
            is_listed, _ = self._added(*_flat(items))
            scores = tf.where(tf.reshape(is_listed, tf.shape(items)), OUT, scores)
            width = tf.minimum(count, tf.shape(self._listed)[1])
            bounds, place = tf.math.top_k(self._with_added, width)
            items = tf.gather(self._listed, place, batch_dims=1)
            scores = tf.concat([scores, self._table_of_scores(items, bounds)], axis=1)
        # Above what is out: a row with fewer than k items has all of them, and no more.
        return tf.maximum(tf.math.top_k(scores, k).values[:, -1], OUT / 2)

    def _reaching(self, threshold: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """All items whose bounds reach the threshold: rows, ids, and places in their rows."""
        of_groups = tf.where(self._highest >= threshold[:, None])
        least = tf.gather(threshold, of_groups[:, 0])[:, None]
        inside = tf.where(tf.gather_nd(self._groups, of_groups) >= least)
        found = tf.gather(of_groups, inside[:, 0])
        rows = tf.cast(found[:, 0], tf.int32)
        items = tf.cast(found[:, 1] * GROUP + inside[:, 1], tf.int32)
        places, counts = self._places(rows)
        if self._counts is None:
            return rows, items, places
        # What reaches it without what is added has been found.
        least = threshold[:, None]
        cells = tf.where((self._with_added >= least) & (self._without < least))
        more_rows = tf.cast(cells[:, 0], tf.int32)
        more_items = tf.gather_nd(self._listed, cells)
        more_places = self._places(more_rows)[0] + tf.gather(counts, more_rows)
        return (
            tf.concat([rows, more_rows], axis=0),
            tf.concat([items, more_items], axis=0),
            tf.concat([places, more_places], axis=0),
        )

    def _places(self, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """From rising rows `[S]`: the place of each in its row, and how many each row has."""
        counts = tf.math.bincount(rows, minlength=self._rows, maxlength=self._rows)
        begins = tf.cumsum(counts, exclusive=True)
        return tf.range(tf.size(rows)) - tf.gather(begins, rows), counts

    def _best_of(self, rows: tf.Tensor, items: tf.Tensor, places: tf.Tensor, k: tf.Tensor) -> Best:
        width = tf.reduce_max(tf.concat([places + 1, k[None]], axis=0))
        cells, shape = tf.stack([rows, places], axis=1), tf.stack([self._rows, width])
        scores = tf.tensor_scatter_nd_update(tf.fill(shape, OUT), cells, self._scores(rows, items))
        best, place = tf.math.top_k(scores, k)
        ids = tf.gather(tf.scatter_nd(cells, items, shape), place, batch_dims=1)
        return Best(tf.constant(True), best, ids)

    def _table_of_scores(self, items: tf.Tensor, bounds: tf.Tensor) -> tf.Tensor:
        """Scores of items `[B, W]`; `OUT` where their bounds say so."""
        # Columns beyond the last item are out.
        rows, items = _flat(tf.minimum(items, self._last))
        return tf.where(
            bounds > OUT / 2, tf.reshape(self._scores(rows, items), tf.shape(bounds)), OUT
        )

    def _scores(self, rows: tf.Tensor, items: tf.Tensor) -> tf.Tensor:
        """The model's scores of items `[S]` for the histories of rows `[S]`; `OUT` if left out."""
        count = tf.maximum(-(-tf.size(rows) // _SCORED_AT_ONCE), 1)

        def score(part: tf.Tensor, scores: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
            these = slice(part * _SCORED_AT_ONCE, (part + 1) * _SCORED_AT_ONCE)
            return part + 1, scores.write(part, self._scores_of_part(rows[these], items[these]))

        scores = tf.TensorArray(tf.float32, count, infer_shape=False, element_shape=[None])
        _, scores = tf.while_loop(
            lambda part, _: part < count, score, (0, scores), parallel_iterations=1
        )
        return scores.concat()

    def _scores_of_part(self, rows: tf.Tensor, items: tf.Tensor) -> tf.Tensor:
        of_items = tf.cast(tf.gather(self._items, items), tf.float32)
        scores = tf.reduce_sum(of_items * tf.gather(self._vectors, rows), axis=1)
        if self._counts is not None:
            scores += self._added(rows, items)[1]
            if self._counts.num_cold:
                scores += tf.gather(self._counts.cold_scores(), items)
        scores = tf.where(tf.gather(self._is_empty, rows), self._popularity(items), scores)
        return tf.where(self._left_out(rows, items)[0], OUT, scores)


def picked(k: tf.Tensor, left_out: tf.Tensor) -> tf.Tensor:
    """How many items are scored to find a threshold near the k-th best score."""
    return 3 * k + 128 + tf.shape(left_out)[1]


def _flat(items: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return tf.reshape(rows_of(items), [-1]), tf.reshape(items, [-1])
