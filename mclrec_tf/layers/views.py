"""Stochastic views of a history: the operations, and two different ones drawn for each (Eq. 4)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from mclrec_tf.arguments import check_share, check_whole
from mclrec_tf.layers.padded_history import most_recent, without_gaps


class View(NamedTuple):
    """Sequences with their lengths; a length counts masked items too.

    Attributes:
        ids: int tensor `[B, L]`, right-padded with 0.
        lengths: int tensor `[B]`.
    """

    ids: tf.Tensor
    lengths: tf.Tensor


class ViewOperation(keras.layers.Layer):
    """Base of the operations: `operation(view) -> view`, drawn anew at each call.

    A subclass implements `call` on the whole batch at once, with random numbers from
    `self.uniform`. `ratio` is the share of a history the operation concerns; the number of items
    is `floor(ratio * length)`. A view may be wider or narrower than what it is made of.

    Args:
        ratio: Share of the history, in 0..1.
        seed: Seed of the random numbers.
    """

    def __init__(self, ratio: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_share(**{f"{type(self).__name__}: ratio": ratio})
        self.ratio = ratio
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def share(self, lengths: tf.Tensor) -> tf.Tensor:
        """`floor(ratio * length)` of each history; in float64, so that 0.8 * 5 is 4."""
        return tf.cast(tf.floor(tf.cast(lengths, tf.float64) * self.ratio), lengths.dtype)

    def uniform(self, shape: Any) -> tf.Tensor:
        """Random numbers in [0, 1)."""
        return keras.random.uniform(shape, dtype="float32", seed=self.seed_generator)

    def begin(self, lengths: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        """A random start for a contiguous part of `size` items, uniform over all that fit."""
        positions = lengths - size + 1
        start = tf.cast(
            self.uniform(tf.shape(lengths)) * tf.cast(positions, tf.float32), lengths.dtype
        )
        return tf.minimum(start, positions - 1)

    def random_positions(self, view: View, count: tf.Tensor) -> tf.Tensor:
        """Marks `count` random positions of each history, bool `[B, L]`."""
        inside = _positions(view.ids) < view.lengths[:, None]
        draw = tf.where(inside, self.uniform(tf.shape(view.ids)), 2.0)
        # The positions with the smallest draws are marked: rank of a draw within its row < count.
        rank = tf.argsort(tf.argsort(draw))
        return rank < tf.cast(count, rank.dtype)[:, None]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "ratio": self.ratio, "seed": self.seed}


@keras.saving.register_keras_serializable("mclrec_tf")
class Crop(ViewOperation):
    """Keeps a random contiguous part of `max(1, floor(ratio * length))` items.

    Args:
        ratio: Share of the history to keep; one item at least.
    """

    def __init__(self, ratio: float = 0.5, **kwargs: Any) -> None:
        super().__init__(ratio, **kwargs)

    def call(self, view: View) -> View:
        size = tf.minimum(tf.maximum(self.share(view.lengths), 1), view.lengths)  # [B]
        position = _positions(view.ids)  # [1, L]
        kept = position < size[:, None]  # [B, L]
        source = tf.where(kept, position + self.begin(view.lengths, size)[:, None], 0)
        ids = tf.where(kept, tf.gather(view.ids, source, batch_dims=1), 0)
        return View(ids, size)


@keras.saving.register_keras_serializable("mclrec_tf")
class Mask(ViewOperation):
    """Hides `floor(ratio * length)` random items.

    Args:
        ratio: Share of items to hide.
        token: Id to write: the mask token of the item table as in the paper, or 0, the padding,
            as in the authors' code, which hides the position from attention as well.
    """

    def __init__(self, ratio: float = 0.5, token: int = 0, **kwargs: Any) -> None:
        super().__init__(ratio, **kwargs)
        self.token = token

    def call(self, view: View) -> View:
        hidden = self.random_positions(view, self.share(view.lengths))
        return View(tf.where(hidden, tf.cast(self.token, view.ids.dtype), view.ids), view.lengths)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "token": self.token}


@keras.saving.register_keras_serializable("mclrec_tf")
class Reorder(ViewOperation):
    """Shuffles a random contiguous part of `floor(ratio * length)` items.

    Args:
        ratio: Share of the history to shuffle.
    """

    def __init__(self, ratio: float = 0.8, **kwargs: Any) -> None:
        super().__init__(ratio, **kwargs)

    def call(self, view: View) -> View:
        size = self.share(view.lengths)  # [B]
        begin = self.begin(view.lengths, size)[:, None]  # [B, 1]
        position = _positions(view.ids)  # [1, L]
        inside = (position >= begin) & (position < begin + size[:, None])
        # Sorting by these keys leaves every item outside the part where it is.
        draw = self.uniform(tf.shape(view.ids)) * tf.cast(size[:, None], tf.float32)
        shuffled = tf.cast(begin, tf.float32) + draw
        key = tf.where(inside, shuffled, tf.cast(position, tf.float32))
        order = tf.argsort(key, stable=True)
        return View(tf.gather(view.ids, order, batch_dims=1), view.lengths)


class SimilarItems(ViewOperation):
    """Base of the operations that need to know which items are similar.

    They concern `max(1, floor(ratio * length))` items of a history, as in the authors' code.

    Args:
        neighbours: int `[num_items + 1, k]`, the items similar to each, as `similar_items` of
            `mclrec_tf.data.item_similarity` finds them; one of the k is drawn each time. It is
            saved with the operation.
        ratio: Share of the history.
    """

    def __init__(self, neighbours: npt.ArrayLike, ratio: float, **kwargs: Any) -> None:
        super().__init__(ratio, **kwargs)
        self.neighbours = np.asarray(neighbours, np.int32)
        if self.neighbours.ndim != 2 or 0 in self.neighbours.shape:
            raise ValueError(
                f"neighbours must have the shape [num_items + 1, k], got {self.neighbours.shape}."
            )
        if (self.neighbours[1:] < 1).any():
            raise ValueError("neighbours: every item needs k items similar to it, ids from 1.")

    def chosen(self, view: View) -> tf.Tensor:
        """Marks the items concerned, bool `[B, L]`."""
        size = tf.minimum(tf.maximum(self.share(view.lengths), 1), view.lengths)
        return self.random_positions(view, size)

    def similar(self, ids: tf.Tensor) -> tf.Tensor:
        """An item similar to each, of the shape of `ids`."""
        count = self.neighbours.shape[1]
        draw = tf.cast(self.uniform(tf.shape(ids)) * count, ids.dtype)
        flat = tf.constant(self.neighbours.reshape(-1), ids.dtype)
        return tf.gather(flat, ids * count + tf.minimum(draw, count - 1))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "neighbours": self.neighbours.tolist()}


@keras.saving.register_keras_serializable("mclrec_tf")
class Substitute(SimilarItems):
    """Replaces random items by similar ones.

    Args:
        neighbours: int `[num_items + 1, k]`, the items similar to each.
        ratio: Share of the history to replace; one item at least.

    Example:

    ```python
    from mclrec_tf.data.histories import Histories
    from mclrec_tf.data.item_similarity import similar_items
    from mclrec_tf.layers import Insert, Mask, StochasticViews, Substitute

    neighbours = similar_items(Histories.from_lists([[1, 2], [2, 1, 3], [1, 2]]), num_items=4)
    StochasticViews([Mask(0.5), Substitute(neighbours), Insert(neighbours)])
    ```

    Reference:
        CoSeRec, Liu et al., 2021, arXiv 2108.06479.
    """

    def __init__(self, neighbours: npt.ArrayLike, ratio: float = 0.2, **kwargs: Any) -> None:
        super().__init__(neighbours, ratio, **kwargs)

    def call(self, view: View) -> View:
        return View(tf.where(self.chosen(view), self.similar(view.ids), view.ids), view.lengths)


@keras.saving.register_keras_serializable("mclrec_tf")
class Insert(SimilarItems):
    """Puts a similar item before each of some random items.

    Args:
        neighbours: int `[num_items + 1, k]`, the items similar to each.
        ratio: Share of the history before which something is put; one item at least.
        max_length: Longest history the encoder reads; of a longer view the most recent part is
            kept.

    Reference:
        CoSeRec, Liu et al., 2021, arXiv 2108.06479.
    """

    def __init__(
        self, neighbours: npt.ArrayLike, ratio: float = 0.4, max_length: int = 50, **kwargs: Any
    ) -> None:
        super().__init__(neighbours, ratio, **kwargs)
        check_whole(1, max_length=max_length)
        self.max_length = max_length

    def call(self, view: View) -> View:
        chosen = self.chosen(view)
        inserted = tf.where(chosen, self.similar(view.ids), 0)  # [B, L]
        # Each item behind what is put before it; then what is there moves together to the front.
        shape = tf.shape(view.ids)
        both = tf.stack([inserted, view.ids], axis=2)  # [B, L, 2]
        both = tf.reshape(both, [shape[0], 2 * shape[1]])
        ids = most_recent(without_gaps(both), self.max_length)
        lengths = view.lengths + tf.math.count_nonzero(chosen, axis=1, dtype=view.lengths.dtype)
        lengths = tf.minimum(lengths, self.max_length)
        return View(ids[:, : tf.reduce_max(lengths)], lengths)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "max_length": self.max_length}


@keras.saving.register_keras_serializable("mclrec_tf")
class StochasticViews(keras.layers.Layer):
    """Draws two different operations for each history and applies both to the original.

    A history of one item has nothing to vary and gives itself twice.

    Args:
        operations: At least two `ViewOperation`s; an ordered pair of them is drawn uniformly.
        seed: Seed of the draw.

    Call arguments:
        view: `View(ids [B, L], lengths [B])`, the histories.

    Returns:
        Two `View`s, as wide as the widest view of any operation.

    Example:

    ```python
    import tensorflow as tf
    from mclrec_tf.layers import Crop, Mask, Reorder, StochasticViews, View

    views = StochasticViews([Mask(0.5), Crop(0.5), Reorder(0.8)])
    first, second = views(View(tf.constant([[4, 2, 9, 0]]), tf.constant([3])))
    ```

    Reference:
        Eq. 4 of MCLRec (arXiv 2304.07763); drawn without replacement as in the authors' code.
    """

    def __init__(
        self, operations: Sequence[ViewOperation], seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if len(operations) < 2:
            raise ValueError(
                f"operations: two views need two different operations, got {len(operations)}."
            )
        self.operations = list(operations)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, view: View) -> tuple[View, View]:
        size = tf.shape(view.lengths)
        count = len(self.operations)
        first = self._draw(size, count)  # [B], the operation of each history
        # Stepping 1..count-1 further round the list never meets the first again.
        second = (first + 1 + self._draw(size, count - 1)) % count
        # Every operation runs on the whole batch, which is cheaper than splitting and joining it,
        # and once: no history has it in both views.
        results = [operation(view) for operation in self.operations]
        return self._chosen(view, results, first), self._chosen(view, results, second)

    def _draw(self, size: tf.Tensor, count: int) -> tf.Tensor:
        return keras.random.randint(size, 0, count, dtype="int32", seed=self.seed_generator)

    def _chosen(self, view: View, results: list[View], choice: tf.Tensor) -> View:
        width = tf.reduce_max([tf.shape(result.ids)[1] for result in [view, *results]])
        single = view.lengths <= 1
        ids, lengths = _widened(view.ids, width), view.lengths
        for index, result in enumerate(results):
            chosen = (choice == index) & ~single
            ids = tf.where(chosen[:, None], _widened(result.ids, width), ids)
            lengths = tf.where(chosen, result.lengths, lengths)
        return View(ids, lengths)

    def get_config(self) -> dict[str, Any]:
        operations = [keras.saving.serialize_keras_object(o) for o in self.operations]
        return {**super().get_config(), "operations": operations, "seed": self.seed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "StochasticViews":
        operations = [keras.saving.deserialize_keras_object(o) for o in config.pop("operations")]
        return cls(operations, **config)


def _positions(ids: tf.Tensor) -> tf.Tensor:
    return tf.range(tf.shape(ids)[1], dtype=ids.dtype)[None, :]


def _widened(ids: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    return tf.pad(ids, [[0, 0], [0, width - tf.shape(ids)[1]]])
