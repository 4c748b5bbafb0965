"""Two different stochastic views of each history (Eq. 4)."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from mclrec_tf.layers.view_operations import View, ViewOperation


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
        first = self._draw(size, count)
        # Stepping 1..count-1 further round the list never meets the first again.
        second = (first + 1 + self._draw(size, count - 1)) % count
        return self._apply(view, first), self._apply(view, second)

    def _draw(self, size: tf.Tensor, count: int) -> tf.Tensor:
        return keras.random.randint(size, 0, count, dtype="int32", seed=self.seed_generator)

    def _apply(self, view: View, choice: tf.Tensor) -> View:
        # Every operation runs on the whole batch: cheaper than splitting and joining it.
        results = [operation(view) for operation in self.operations]
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


def _widened(ids: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    return tf.pad(ids, [[0, 0], [0, width - tf.shape(ids)[1]]])
