"""The stochastic operations that turn a history into a view of it (Eq. 4)."""

from typing import Any, NamedTuple

import keras
import tensorflow as tf


class View(NamedTuple):
    """Sequences with their lengths; a length counts hidden items too.

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
        if not 0 <= ratio <= 1:
            raise ValueError(f"{type(self).__name__}: ratio must lie in 0..1, got {ratio}.")
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
        places = lengths - size + 1
        start = tf.cast(
            self.uniform(tf.shape(lengths)) * tf.cast(places, tf.float32), lengths.dtype
        )
        return tf.minimum(start, places - 1)

    def random_places(self, view: View, count: tf.Tensor) -> tf.Tensor:
        """Marks `count` random places of each history, bool `[B, L]`."""
        inside = _positions(view.ids) < view.lengths[:, None]
        draw = tf.where(inside, self.uniform(tf.shape(view.ids)), 2.0)
        # The places with the smallest draws are marked: rank of a draw within its row < count.
        rank = tf.argsort(tf.argsort(draw))
        return rank < tf.cast(count, rank.dtype)[:, None]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "ratio": self.ratio, "seed": self.seed}


@keras.saving.register_keras_serializable("mclrec_tf")
class Crop(ViewOperation):
    """Keeps a random contiguous part of `max(1, floor(ratio * length))` items."""

    def __init__(self, ratio: float = 0.5, **kwargs: Any) -> None:
        super().__init__(ratio, **kwargs)

    def call(self, view: View) -> View:
        size = tf.minimum(tf.maximum(self.share(view.lengths), 1), view.lengths)
        position = _positions(view.ids)
        kept = position < size[:, None]
        source = tf.where(kept, position + self.begin(view.lengths, size)[:, None], 0)
        ids = tf.where(kept, tf.gather(view.ids, source, batch_dims=1), 0)
        return View(ids, size)


@keras.saving.register_keras_serializable("mclrec_tf")
class Mask(ViewOperation):
    """Hides `floor(ratio * length)` random items.

    Args:
        ratio: Share of items to hide.
        token: Id to write: the mask token of the item table as in the paper, or 0, the padding,
            as in the authors' code, which hides the place from attention as well.
    """

    def __init__(self, ratio: float = 0.5, token: int = 0, **kwargs: Any) -> None:
        super().__init__(ratio, **kwargs)
        self.token = token

    def call(self, view: View) -> View:
        hidden = self.random_places(view, self.share(view.lengths))
        return View(tf.where(hidden, tf.cast(self.token, view.ids.dtype), view.ids), view.lengths)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "token": self.token}


@keras.saving.register_keras_serializable("mclrec_tf")
class Reorder(ViewOperation):
    """Shuffles a random contiguous part of `floor(ratio * length)` items."""

    def __init__(self, ratio: float = 0.8, **kwargs: Any) -> None:
        super().__init__(ratio, **kwargs)

    def call(self, view: View) -> View:
        size = self.share(view.lengths)
        begin = self.begin(view.lengths, size)[:, None]
        position = _positions(view.ids)
        inside = (position >= begin) & (position < begin + size[:, None])
        # Sorting by these keys leaves every item outside the part where it is.
        draw = self.uniform(tf.shape(view.ids)) * tf.cast(size[:, None], tf.float32)
        shuffled = tf.cast(begin, tf.float32) + draw
        key = tf.where(inside, shuffled, tf.cast(position, tf.float32))
        order = tf.argsort(key, stable=True)
        return View(tf.gather(view.ids, order, batch_dims=1), view.lengths)


def _positions(ids: tf.Tensor) -> tf.Tensor:
    return tf.range(tf.shape(ids)[1], dtype=ids.dtype)[None, :]
