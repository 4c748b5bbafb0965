"""What Keras' callbacks must be told of a model with two optimizers and its own metrics."""

from collections.abc import Iterable
from typing import Any

import keras

_UNMEASURED = "val_loss"


class ProportionalRates(keras.callbacks.Callback):
    """Keeps two learning rates in proportion: Keras' callbacks know `optimizer` alone.

    What `LearningRateScheduler`, `ReduceLROnPlateau` or a callback of one's own makes of the
    encoder's rate, is made of the augmenters' in the proportion that both had when the training
    began. A callback that sets the augmenters' rate itself sets the proportion. A rate that is a
    schedule of its optimizer goes its own way.

    It must be the last of the callbacks.
    """

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._seen = self._start = self._rates()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._follow()

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._follow()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._follow()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._follow()

    def _follow(self) -> None:
        rates = self._rates()
        if rates is None or self._seen is None or self._start is None or rates == self._seen:
            return
        (rate, other), (start, others_start) = rates, self._start
        if other != self._seen[1]:
            self._start = rates
        elif start > 0:
            self.model.augmenter_optimizer.learning_rate = others_start * rate / start
        self._seen = self._rates()

    def _rates(self) -> tuple[float, float] | None:
        """Both rates, the encoder's first; None if one is a schedule."""
        rate = self.model.optimizer.learning_rate
        other = self.model.augmenter_optimizer.learning_rate
        if not (isinstance(rate, keras.Variable) and isinstance(other, keras.Variable)):
            return None
        return float(rate.numpy()), float(other.numpy())


def tell_directions(
    callbacks: Iterable[keras.callbacks.Callback],
    training: Iterable[keras.metrics.Metric],
    evaluation: Iterable[keras.metrics.Metric],
) -> None:
    """Settles `mode="auto"` of callbacks that monitor a metric.

    `fit` reports metrics that Keras does not look at while it trains.

    Args:
        callbacks: Those of `fit`; their `mode` is set in place.
        training: What `fit` reports of training.
        evaluation: What it reports of validation, under `val_`.

    Raises:
        ValueError: A callback depends on `val_loss`, Keras' default, which is not measured, and
            would do nothing.
    """
    named = {metric.name: metric for metric in training}
    named |= {f"val_{metric.name}": metric for metric in evaluation}
    for callback in callbacks:
        monitor = getattr(callback, "monitor", None)
        if monitor is None or not getattr(callback, "save_best_only", True):
            continue
        if monitor == _UNMEASURED:
            raise ValueError(
                f"{type(callback).__name__}: monitor={monitor!r} is not measured, validation "
                "reports ranking metrics; give for example "
                "monitor='val_unseen_items_ndcg_at_10'."
            )
        direction = getattr(named.get(monitor), "_direction", None)
        if getattr(callback, "mode", None) == "auto" and direction is not None:
            callback.mode = {"up": "max", "down": "min"}[direction]
