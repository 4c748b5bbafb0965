"""How the encoder's learning rate rises and falls while it is trained."""

import math
from typing import Any

import keras

from mclrec_tf.arguments import check_weight, check_whole

DECAYS = ("none", "cosine")
"""How a learning rate may fall."""


class LearningRateCourse(keras.callbacks.Callback):
    """Raises the learning rate in the first steps, and lets it fall until training ends.

    In step t, of which a share p of all epochs is done,

        rate = learning_rate · min(1, (t + 1) / warmup_steps) · (1 + cos(π·p)) / 2

    Unlike a `keras.optimizers.schedules.CosineDecay` it goes by the epochs of this `fit`, so a warm
    start, whose optimizer has made its steps before, falls anew. At the end the optimizer has its
    full rate again. The rate of the augmenters keeps its proportion to it. Logs of an epoch have
    the rate of its end, as `learning_rate`.

    Args:
        learning_rate: The highest.
        epochs: Those of `fit`.
        decay: `"cosine"`, or `"none"`, which never falls.
        warmup_steps: Steps of the optimizer, over its whole life, in which the rate rises.

    Raises:
        ValueError: An argument is out of range.

    Example:

    ```python
    import keras
    import numpy as np
    from mclrec_tf import NextItemModel, SASRec
    from mclrec_tf.training.learning_rate import LearningRateCourse

    model = NextItemModel(SASRec(num_items=100))
    model.compile(keras.optimizers.Adam())
    history, targets = np.array([[3, 7, 2]]), np.array([[7, 2, 5]])
    course = LearningRateCourse(learning_rate=4e-3, epochs=20)
    model.fit(history, targets, epochs=20, callbacks=[course], verbose=0)
    ```

    Reference:
        Loshchilov and Hutter, ICLR 2017, arXiv 1608.03983.
    """

    def __init__(
        self, learning_rate: float, epochs: int, decay: str = "cosine", warmup_steps: int = 0
    ) -> None:
        super().__init__()
        check_weight(learning_rate=learning_rate)
        check_whole(1, epochs=epochs)
        check_whole(0, warmup_steps=warmup_steps)
        if decay not in DECAYS:
            raise ValueError(f"decay must be one of {DECAYS}, got {decay!r}.")
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.decay = decay
        self.warmup_steps = warmup_steps

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        batches = self.params.get("steps") or math.inf
        rate = self.learning_rate
        if self.warmup_steps:
            steps = int(self.model.optimizer.iterations.numpy())
            rate *= min(1.0, (steps + 1) / self.warmup_steps)
        if self.decay == "cosine":
            done = min((self._epoch + batch / batches) / self.epochs, 1.0)
            rate *= (1.0 + math.cos(math.pi * done)) / 2.0
        self.model.optimizer.learning_rate = rate

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is not None:  # as Keras' own LearningRateScheduler does
            logs["learning_rate"] = float(self.model.optimizer.learning_rate.numpy())

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self.model.optimizer.learning_rate = self.learning_rate
