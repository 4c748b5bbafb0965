"""Adam whose averages of the weights are of use from the first epoch on."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("mclrec_tf")
class AveragingAdam(keras.optimizers.Adam):
    """Adam with averaged weights, `use_ema=True`, whose momentum rises to its value.

    Keras' averages begin with the first weights, random ones, and forget them at the rate of the
    momentum: of .998, they make up a third of the averages after 500 steps, which are four epochs
    of a log like Beauty and all of a training on a small one. Here the momentum of step t is
    min(`ema_momentum`, (1 + t) / (10 + t)), so that the averages are of the last tenth or so of the
    steps until there are enough of them.

    The momentum is that of `tf.train.ExponentialMovingAverage` with `num_updates`.

    Args:
        *args: Those of `keras.optimizers.Adam`.
        undecayed: Weights with one of these in their names are left out of `weight_decay`. What
            `exclude_from_weight_decay` leaves out Keras forgets when it saves a model.
        **kwargs: Those of `keras.optimizers.Adam`.

    Example:

    ```python
    from mclrec_tf import AveragingAdam, NextItemModel, SASRec

    model = NextItemModel(SASRec(num_items=100))
    model.compile(AveragingAdam(1e-3, use_ema=True, ema_momentum=0.998))
    ```
    """

    def __init__(self, *args: Any, undecayed: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.undecayed = list(undecayed)
        self.exclude_from_weight_decay(var_names=self.undecayed)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "undecayed": self.undecayed}

    def _update_model_variables_moving_average(
        self, trainable_variables: Sequence[keras.Variable]
    ) -> None:
        if not self.use_ema:
            return
        for weight, average in zip(
            trainable_variables, self._model_variables_moving_average, strict=True
        ):
            steps = tf.cast(self.iterations, weight.dtype)
            momentum = tf.minimum(self.ema_momentum, (1.0 + steps) / (10.0 + steps))
            # The average is 0 before the first step, whose share of it is nothing.
            momentum = tf.where(steps > 0, momentum, 0.0)
            average.assign(momentum * average + (1.0 - momentum) * weight)
