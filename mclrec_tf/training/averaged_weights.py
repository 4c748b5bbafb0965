"""Weights averaged over the steps of training: `use_ema=True` of Keras' optimizers.

An optimizer keeps the averages beside the weights; here they change places, so that a model is
evaluated and saved with them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras


def swap_averages(model: keras.Model) -> None:
    """Puts the averages where the weights are and the weights where the averages were.

    Of every optimizer of the model that averages; without one nothing happens. Before the first
    step there are no averages yet, and nothing happens either.
    """
    for name in ("optimizer", "augmenter_optimizer"):
        optimizer = unwrapped(getattr(model, name, None))
        if getattr(optimizer, "use_ema", False) and int(optimizer.iterations) > 0:
            _swap(optimizer)


@contextmanager
def averaged_weights(model: keras.Model) -> Iterator[None]:
    """Within the block the model has the averages for its weights."""
    swap_averages(model)
    try:
        yield
    finally:
        swap_averages(model)


def unwrapped(optimizer: Any) -> Any:
    """The optimizer that keeps averages and slots: a LossScaleOptimizer wraps it."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def _swap(optimizer: Any) -> None:
    pairs = zip(
        optimizer._trainable_variables, optimizer._model_variables_moving_average, strict=True
    )
    for weight, average in pairs:
        value = keras.ops.convert_to_numpy(weight)
        weight.assign(average)
        average.assign(value)
