"""What counting knows of the next item, joined with the scores of an encoder."""

from typing import Any

import keras
import tensorflow as tf

from mclrec_tf.arguments import check_whole
from mclrec_tf.data.histories import Histories
from mclrec_tf.data.item_pairs import item_pairs, strongest
from mclrec_tf.data.item_similarity import cosine_pairs
from mclrec_tf.layers.item_neighbours import ItemNeighbours
from mclrec_tf.layers.padded_history import cells_of, lengths_of, most_recent

FEATURES = (
    *("next", "followers", "companions"),
    *("repeated", "age_of_repeated", "times_of_repeated"),
)
"""What joins the scores, each with a weight of its own."""

COLD = "cold"
"""What joins them besides in a catalogue that has cold items."""

_NEIGHBOURS = 3  # of the features, the first


@keras.saving.register_keras_serializable("mclrec_tf")
class ItemCounts(keras.layers.Layer):
    """Joins an item's score with what the training histories, counted, say of it.

    score(j | s) = base(j, s) + Σ_k w_k · feature_k(j, s)

    The base is the encoder's score, but for items of the history themselves that of an average
    item: the logarithm of the mean exponential of the scores of all others. An encoder was
    trained to predict the items of a training history, and gives them high scores on it. The newest
    items of a history in use were not among these, so what was learned of the encoder's
    scores for repeated items would not hold for the likeliest of them. The features are

    - next: log(1 + P(j) / ε), where P are the shares of the items that came right after the last
      item of the history;
    - followers: the same of the items that came up to three places after the last twenty, in
      falling proportion;
    - companions: the same of items that stand near them, before or after, in proportion to their
      own frequency (cosine, with inverse user frequency);
    - repeated: 1 for an item that the history holds; age_of_repeated: log(1 + the number of items
      that came since), times_of_repeated: the logarithm of how often it came;
    - cold, with `num_cold`: 1 for an item without training events. Nothing is counted of it, and
      its vector is that of its features alone, so all others would stand before it: its weight
      says how likely held-out items are to be cold.

    The tables come from the training histories alone. The weights are few, and are learned after
    the encoder, from held-out items, by `mclrec_tf.models.count_weights.fit_count_weights`;
    until then they are 0, and a model's scores are the encoder's, of repeats too, so that a
    training is stopped by what its encoder has learned. Learned together with the encoder they did
    worse: the encoder then leaves to the counts what they know of the training data, and of other
    users they know less.

    The log-linear form makes the encoder's scores, which are logarithms of unnormalised
    probabilities, and the counts one distribution.

    Args:
        num_items: Size of the catalogue, |I|.
        num_neighbours: Followers and companions kept of each item, F.
        max_length: Most recent items of a history that count as its items; older ones, which an
            export is not asked with either, keep the encoder's scores.
        encoder_scores_repeats: Whether items of the history keep the encoder's scores as their
            base, as in models saved before there was this choice.
        num_cold: How many of the items, the last ones, have no training event: `num_cold` of the
            model's item features.

    Call arguments:
        history: int `[B, L]`, oldest first, right-padded with 0.
        scores: float32 `[B, |I| + 1]`, the encoder's.

    Returns:
        float32 `[B, |I| + 1]`, the joint scores.

    Example:

    ```python
    from mclrec_tf import BSARec, ItemCounts, NextItemModel
    from mclrec_tf.data.histories import Histories

    histories = Histories.from_lists([[1, 2, 3], [2, 3, 4], [4, 1]])
    model = NextItemModel(
        BSARec(num_items=5), counts=ItemCounts.from_histories(histories, num_items=5)
    )
    model.recommend([[1, 2]], k=2).item_ids.shape  # (1, 2)
    ```
    """

    epsilon = 1e-3

    def __init__(
        self,
        num_items: int,
        num_neighbours: int = 20,
        max_length: int = 50,
        encoder_scores_repeats: bool = False,
        num_cold: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})
        check_whole(1, num_items=num_items, num_neighbours=num_neighbours, max_length=max_length)
        check_whole(0, num_cold=num_cold)
        self.num_items = num_items
        self.num_neighbours = num_neighbours
        self.max_length = max_length
        self.encoder_scores_repeats = encoder_scores_repeats
        self.num_cold = num_cold
        self.autocast = False
        self.next = ItemNeighbours(num_items, num_neighbours, reach=1, name="next")
        self.followers = ItemNeighbours(num_items, num_neighbours, decay=0.6, name="followers")
        self.companions = ItemNeighbours(num_items, num_neighbours, decay=0.8, name="companions")
        self.build()

    @classmethod
    def from_histories(
        cls, histories: Histories, num_items: int, num_neighbours: int = 20, **kwargs: Any
    ) -> "ItemCounts":
        """Counts the training histories.

        Args:
            histories: The training part of each user, oldest first.
            num_items: |I|.
            num_neighbours: As of the class.
            **kwargs: Further arguments of the class.

        Raises:
            ValueError: A number is out of its range, or an item of the histories is beyond
                `num_items`.
        """
        counts = cls(num_items, num_neighbours, **kwargs)
        counts.count(histories)
        return counts

    def count(self, histories: Histories) -> None:
        """Takes its tables from training histories."""
        following = item_pairs(histories, self.num_items, window=1)
        self.next.assign(*strongest(following, self.num_items, self.num_neighbours))
        after = item_pairs(histories, self.num_items, window=3, decay=0.7)
        self.followers.assign(*strongest(after, self.num_items, self.num_neighbours))
        near = cosine_pairs(histories, self.num_items, window=10)
        self.companions.assign(*strongest(near, self.num_items, self.num_neighbours))

    def build(self, input_shape: Any = None) -> None:
        self.feature_weights = self.add_weight(
            shape=(len(self.feature_names),),
            initializer="zeros",
            trainable=False,
            name="feature_weights",
        )

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What joins the scores, in the order of `feature_weights`."""
        return (*FEATURES, COLD) if self.num_cold else FEATURES

    @property
    def is_learned(self) -> tf.Tensor:
        """Whether any weight is not 0, bool `[]`."""
        return tf.reduce_any(tf.convert_to_tensor(self.feature_weights) != 0)

    def call(self, history: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
        joint = self.base(history, scores)
        if self.num_cold:
            joint += self.cold_scores()
        items, added = self.of_neighbours(history)
        joint = tf.tensor_scatter_nd_add(joint, cells_of(items), added)
        items, values = self._of_repeats(history)
        repeats = tf.linalg.matvec(values, self.feature_weights[_NEIGHBOURS : len(FEATURES)])
        return tf.tensor_scatter_nd_add(joint, cells_of(items), repeats)

    def of_neighbours(self, history: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """What neighbours of a history's items have added to their scores; all others have 0.

        Args:
            history: As in `call`.

        Returns:
            Ids int32 `[B, W]`, rising and then the padding, 0, and float32 `[B, W]`, what is added
            to the score of each.
        """
        items, values = self._of_neighbours(history)
        return items, tf.linalg.matvec(values, self.feature_weights[:_NEIGHBOURS])

    def cold_scores(self) -> tf.Tensor:
        """What cold items have added to their scores, float32 `[|I| + 1]`; 0 for all others."""
        if not self.num_cold:
            return tf.zeros(self.num_items + 1)
        return self.feature_weights[-1] * self._is_cold()

    def base(self, history: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
        """The scores before anything counted joins them, float32 `[B, |I| + 1]`.

        Args:
            history: As in `call`.
            scores: The encoder's.
        """
        if self.encoder_scores_repeats:
            return scores
        cells = cells_of(most_recent(history, self.max_length))
        outside = tf.tensor_scatter_nd_update(
            scores, cells, tf.fill(tf.shape(cells)[:2], scores.dtype.min)
        )[:, 1:]
        others = tf.math.count_nonzero(outside > scores.dtype.min, axis=1, dtype=scores.dtype)
        average = tf.reduce_logsumexp(outside, axis=1) - tf.math.log(tf.maximum(others, 1.0))
        average = tf.where(others > 0, average, 0.0)
        repeated = tf.broadcast_to(average[:, None], tf.shape(cells)[:2])
        return tf.tensor_scatter_nd_update(scores, cells, repeated)

    def features(self, history: tf.Tensor) -> tf.Tensor:
        """The features of every item, float32 `[K, B, |I| + 1]`, K as `feature_names`."""
        shape = [tf.shape(history)[0], self.num_items + 1]
        of_items = [
            tf.scatter_nd(cells_of(items), one, shape)
            for items, values in (self._of_neighbours(history), self._of_repeats(history))
            for one in tf.unstack(values, axis=-1)
        ]
        of_cold = [tf.broadcast_to(self._is_cold(), shape)] if self.num_cold else []
        return tf.stack([*of_items, *of_cold])

    def _is_cold(self) -> tf.Tensor:
        ids = tf.range(self.num_items + 1)
        return tf.cast(ids > self.num_items - self.num_cold, tf.float32)

    def _of_neighbours(self, history: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The neighbours of a history's items, `[B, W]`, and their features `[B, W, 3]`.

        Each comes once. A list, because a table of them would be as wide as the catalogue.
        """
        layers = (self.next, self.followers, self.companions)
        listed, of_layers = zip(*(layer.listed(history) for layer in layers), strict=True)
        width = tf.add_n([tf.shape(items)[1] for items in listed])
        before, shares = 0, []
        for one in of_layers:
            after = width - before - tf.shape(one)[1]
            shares.append(tf.pad(one, [[0, 0], [before, after]]))
            before += tf.shape(one)[1]
        items, together = _each_once(tf.concat(listed, axis=1), tf.stack(shares, axis=-1))
        return items, tf.math.log1p(together / self.epsilon)

    def _of_repeats(self, history: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The items of a history, `[B, L]`, and their features `[B, L, 3]`.

        An item that comes several times has them where it came last, and zeros elsewhere.
        """
        recent = most_recent(history, self.max_length)
        width = tf.shape(recent)[1]
        place = tf.range(width, dtype=recent.dtype)
        is_item = recent > 0
        same = (recent[:, :, None] == recent[:, None, :]) & is_item[:, :, None]
        is_last = is_item & ~tf.reduce_any(same & (place[None, :, None] < place), axis=2)
        times = tf.math.count_nonzero(same, axis=2, dtype=tf.float32)
        age = tf.cast(tf.maximum(lengths_of(recent)[:, None] - 1 - place, 0), tf.float32)
        values = tf.stack(
            [tf.ones_like(age), tf.math.log1p(age), tf.math.log(tf.maximum(times, 1.0))], axis=-1
        )
        return recent, tf.where(is_last[:, :, None], values, 0.0)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_items": self.num_items,
            "num_neighbours": self.num_neighbours,
            "max_length": self.max_length,
            "encoder_scores_repeats": self.encoder_scores_repeats,
            **({"num_cold": self.num_cold} if self.num_cold else {}),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ItemCounts":
        # What was saved before there was this choice had no other base.
        return cls(**{"encoder_scores_repeats": True, **config})


def _each_once(items: tf.Tensor, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Items `[B, W]` and values `[B, W, F]` with those of the same item in a row added up.

    The items rise, and then comes padding, 0.
    """
    order = tf.argsort(tf.where(items > 0, items, items.dtype.max), axis=1)
    items = tf.gather(items, order, batch_dims=1)
    shape = tf.shape(items)
    is_new = tf.pad(items[:, 1:] != items[:, :-1], [[0, 0], [1, 0]])[:, : shape[1]]
    place = tf.cumsum(tf.cast(is_new, tf.int32), axis=1) + tf.range(shape[0])[:, None] * shape[1]
    count = shape[0] * shape[1]
    once = tf.math.unsorted_segment_max(items, place, count)
    added = tf.math.unsorted_segment_sum(tf.gather(values, order, batch_dims=1), place, count)
    return tf.reshape(tf.maximum(once, 0), shape), tf.reshape(added, tf.shape(values))
