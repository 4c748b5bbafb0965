"""Who follows whom, counted: the baseline that knows the order of a history."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import tensorflow as tf

from mclrec_tf.arguments import check_share, check_whole, check_whole_or_none
from mclrec_tf.data.histories import Histories, positions
from mclrec_tf.evaluation.baselines import Popularity
from mclrec_tf.layers.padded_history import cells_of, lengths_of, most_recent

_INT64_MAX = 2**63 - 1


@dataclass(frozen=True, eq=False)
class ItemTransitions:
    """Recommends what came right after the last items of a history in the training data.

    The mass of item j for a history s_1 … s_T is Σ_k decay^k · count(s_{T-k} → j), k from 0 to
    `reach` - 1, where count(i → j) is how often j came right after i: a first-order Markov chain,
    asked for each of the last items. Items of the same mass, as are the thousands without any, come
    in the order of popularity, and so does the catalogue for an empty history.

    Equal masses are exactly equal. `decay` is taken as the decimal number that it is written as,
    the fraction p/q, and the masses are added up as integers, multiplied by q^(reach - 1), in
    int64; numbers for which that could overflow are refused. The scores only tell the order: places
    for the items that have a mass, and those of `Popularity` below them, in float32, which is exact
    up to 2^24 (16.7 million) items.

    The tables take 8 · (|I| + 1) · F bytes: 400 MB for a million items and F = 50. All operations
    are among those of stock TensorFlow Serving.

    Args:
        followers: int32 `[|I| + 1, F]`; row i has the items that came right after item i, most
            frequent first, padded with 0. Row 0 is the padding's.
        counts: int32 `[|I| + 1, F]`, how often each did; 0 for the padding.
        decay: Weight of an item's followers against those of the item after it, 0 to 1.
        reach: How many of a history's last items are asked for their followers.

    Raises:
        ValueError: A number is out of its range, or the masses might not fit into int64.

    Example:

    ```python
    import tensorflow as tf
    from mclrec_tf.data.histories import Histories
    from mclrec_tf.evaluation.item_transitions import ItemTransitions

    transitions = ItemTransitions.from_histories(
        Histories.from_lists([[1, 2, 4], [2, 4, 3], [3, 4]]), num_items=5
    )
    scores = transitions(tf.constant([[1, 2, 0]]))
    order = tf.argsort(scores[0, 1:], direction="DESCENDING") + 1
    order.numpy().tolist()  # [4, 2, 1, 3, 5]: 4 after 2, 2 after 1, then by popularity
    ```
    """

    followers: tf.Tensor
    counts: tf.Tensor
    decay: float = 0.6
    reach: int = 10

    def __post_init__(self) -> None:
        check_whole(1, reach=self.reach)
        check_share(decay=self.decay)
        # The greatest mass is that of one item that follows all others the most often.
        if int(tf.reduce_max(self.counts)) * sum(self._weights) > _INT64_MAX:
            raise ValueError(
                f"decay {self.decay} over a reach of {self.reach} needs more than 64 bits to tell "
                "equal masses from others. Give a smaller reach or a decay with fewer digits."
            )

    @classmethod
    def from_histories(
        cls,
        histories: Histories,
        num_items: int,
        decay: float = 0.6,
        reach: int = 10,
        max_followers: int | None = None,
    ) -> ItemTransitions:
        """Counts the transitions of the training histories.

        Ten million events of a million items, 50 followers of each, take 6 s and 2.2 GB.

        Args:
            histories: The training part of each user, oldest first.
            num_items: |I|.
            decay: As of the class.
            reach: As of the class.
            max_followers: F, the most followers to keep of an item: the most frequent, of equally
                frequent ones the more popular. All of them if left out, so that F is as large
                as the item with the most needs it: give it for a large catalogue.

        Raises:
            ValueError: A number is out of its range, or an item of the histories is beyond
                `num_items`.
        """
        check_whole(1, num_items=num_items)
        check_whole_or_none(1, max_followers=max_followers)
        items = histories.items.astype(np.int64)
        if items.max(initial=0) > num_items:
            raise ValueError(f"histories: item {items.max()} is beyond num_items={num_items}.")
        owner = np.repeat(np.arange(len(histories)), histories.lengths)
        same_user = owner[:-1] == owner[1:]
        pairs, times = np.unique(
            (items[:-1] * (num_items + 1) + items[1:])[same_user], return_counts=True
        )
        before = pairs // (num_items + 1)
        # The pairs are in the order of both ids; a stable sort keeps it among equal counts.
        most = int(times.max(initial=0))
        order = np.argsort(before * (most + 1) + (most - times), kind="stable")
        found = np.bincount(before, minlength=num_items + 1)
        place = positions(found)
        longest = int(found.max())
        width = longest if max_followers is None else min(longest, max_followers)
        kept = place < width
        before, place, order = before[kept], place[kept], order[kept]
        followers, counts = np.zeros((2, num_items + 1, width), np.int32)
        followers[before, place] = (pairs % (num_items + 1))[order]
        counts[before, place] = times[order]
        return cls(tf.constant(followers), tf.constant(counts), decay, reach)

    @property
    def num_items(self) -> int:
        """|I|."""
        return self.followers.shape[0] - 1

    @property
    def _weights(self) -> list[int]:
        """Weights of the last item, the one before it, and so on, as integers above 0."""
        part = Fraction(str(self.decay))
        powers = range(self.reach)
        weights = [part.numerator**k * part.denominator ** (self.reach - 1 - k) for k in powers]
        return [weight for weight in weights if weight]

    def __call__(self, history: tf.Tensor) -> tf.Tensor:
        """Scores `[B, |I| + 1]` for histories, int `[B, L]`, oldest first, right-padded with 0."""
        items, mass = self._masses(history)
        # Of equal masses the smaller id first, since the sort is stable and the items are in order.
        order = tf.argsort(mass, axis=1, direction="DESCENDING", stable=True)
        ranked = tf.gather(items, order, batch_dims=1)
        shape = tf.shape(ranked)
        places = tf.broadcast_to(tf.range(shape[1], 0, -1, dtype=tf.int32), shape)
        return tf.tensor_scatter_nd_max(
            Popularity(self.num_items)(history), cells_of(ranked), tf.cast(places, tf.float32)
        )

    def _masses(self, history: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The followers of each history's last items, by id and with repeats, and their masses.

        A table of masses over the catalogue would be larger than the scores.
        """
        weights = tf.constant(self._weights, tf.int64)
        asked = most_recent(history, len(self._weights))
        shape = tf.shape(asked)
        ages = lengths_of(asked)[:, None] - tf.range(1, shape[1] + 1, dtype=asked.dtype)
        # The padding, whose age is below 0, has no followers.
        weight = tf.gather(weights, tf.maximum(ages, 0))
        parts = weight[:, :, None] * tf.cast(tf.gather(self.counts, asked), tf.int64)
        items = tf.gather(self.followers, asked)
        # Most of the table is padding, which would take most of the time of sorting.
        width = [shape[0], shape[1] * tf.shape(self.followers)[1]]
        items, parts = tf.reshape(items, width), tf.reshape(parts, width)
        found = items > 0
        items = tf.ragged.boolean_mask(items, found).to_tensor()
        parts = tf.ragged.boolean_mask(parts, found).to_tensor()

        order = tf.argsort(items, axis=1)
        items, parts = (tf.gather(one, order, batch_dims=1) for one in (items, parts))
        is_new = tf.pad(items[:, 1:] != items[:, :-1], [[0, 0], [1, 0]])[:, : tf.shape(items)[1]]
        runs = tf.cumsum(tf.cast(is_new, tf.int32), axis=1)
        sums = tf.scatter_nd(cells_of(runs), parts, tf.shape(runs))
        return items, tf.gather(sums, runs, batch_dims=1)
