"""What a Keras model needs for two optimizers, and for metrics of its own in each phase."""

from typing import Any

import keras
import tensorflow as tf

from mclrec_tf.diagnostics import EffectiveRank


class TwoOptimizerModel(keras.Model):
    """What `compile`, `fit` and saving need for a second optimizer; base of `MCLRec`.

    A subclass gives the two parts of its weights and the metrics of its two phases.
    """

    _evaluating = False

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # Keras would decide this by itself, also for a model that only predicts: see `compile`.
        self.jit_compile = False

    @property
    def encoder_weights(self) -> list[keras.Variable]:
        """θ, trained by `optimizer`."""
        raise NotImplementedError

    @property
    def augmenter_weights(self) -> list[keras.Variable]:
        """φ, trained by `augmenter_optimizer`."""
        raise NotImplementedError

    @property
    def training_metrics(self) -> list[keras.metrics.Metric]:
        """What `fit` reports of training."""
        raise NotImplementedError

    @property
    def evaluation_metrics(self) -> list[keras.metrics.Metric]:
        """What `evaluate` reports."""
        raise NotImplementedError

    def compile(
        self,
        optimizer: Any = "adam",
        augmenter_optimizer: Any = "adam",
        jit_compile: bool | str = False,
        **kwargs: Any,
    ) -> None:
        """Configures training.

        Args:
            optimizer: Optimizer of the encoder, learning rate l.
            augmenter_optimizer: Optimizer of the augmenters, learning rate l′. A second
                instance: the two keep separate states.
            jit_compile: Whether XLA compiles the steps. Off: batches differ in length, and XLA
                compiles anew for every shape. (Keras' own default, `"auto"`, would turn it on
                wherever there is a GPU.)
            **kwargs: `run_eagerly`, `steps_per_execution`, `auto_scale_loss` as in Keras. The
                losses and metrics are the model's own.
        """
        own = {"loss", "loss_weights", "metrics", "weighted_metrics"} & set(kwargs)
        if own:
            raise ValueError(f"{sorted(own)}: the losses and metrics of MCLRec are its own.")
        super().compile(optimizer=optimizer, jit_compile=jit_compile, **kwargs)
        self.augmenter_optimizer = keras.optimizers.get(augmenter_optimizer)
        if self.augmenter_optimizer is self.optimizer:
            raise ValueError("augmenter_optimizer must be an instance of its own.")
        loss_scale_optimizer = keras.mixed_precision.LossScaleOptimizer
        if (
            kwargs.get("auto_scale_loss", True)
            and self.dtype_policy.name == "mixed_float16"
            and not isinstance(self.augmenter_optimizer, loss_scale_optimizer)
        ):
            self.augmenter_optimizer = loss_scale_optimizer(self.augmenter_optimizer)
        # Built now, so that a checkpoint can be loaded before the first step.
        self.optimizer.build(self.encoder_weights)
        self.augmenter_optimizer.build(self.augmenter_weights)

    def get_compile_config(self) -> dict[str, Any]:
        config = super().get_compile_config()
        for name in ("loss", "loss_weights", "metrics", "weighted_metrics"):
            config.pop(name, None)
        if config:
            config["augmenter_optimizer"] = keras.saving.serialize_keras_object(
                self.augmenter_optimizer
            )
        return config

    def compile_from_config(self, config: dict[str, Any]) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        # With `use_ema`, weights end as their averages. Keras sees to that for one optimizer, just
        # before the callbacks' last call; here it is done for the other, at the same moment.
        last = keras.callbacks.LambdaCallback(on_train_end=lambda logs: self._finalize_augmenters())
        if isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks.append(last)
        else:
            callbacks = [last, *keras.tree.flatten(callbacks or [])]
        return super().fit(x, y, batch_size, epochs, verbose, callbacks, **kwargs)

    def _finalize_augmenters(self) -> None:
        # Before the first step the averages are zeros.
        if keras.ops.convert_to_numpy(self.augmenter_optimizer.iterations) > 0:
            self.augmenter_optimizer.finalize_variable_values(self.augmenter_weights)

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        # The model is built when it is made. Under tf.distribute Keras would look whether it is,
        # by the mean of the first batch over the replicas: an error where they have unlike parts.
        pass

    # The state of the random numbers is saved too, so that a training resumed from a checkpoint
    # goes on exactly as it would have without the interruption. Keras leaves it out by default.

    @property
    def random_states(self) -> list[keras.Variable]:
        """States of the random numbers, dropout's among them."""
        return [v for v in self.variables if v.name == "seed_generator_state"]

    def save_own_variables(self, store: Any) -> None:
        for index, state in enumerate(self.random_states):
            store[str(index)] = state

    def load_own_variables(self, store: Any) -> None:
        for index, state in enumerate(self.random_states):
            state.assign(store[str(index)])

    # Keras reads the results of an epoch from `metrics` if a step reports the same names, and from
    # the last step if not. Here the two phases have different metrics, and a step leaves out those
    # that are dear to compute, so both are said plainly.

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return self.evaluation_metrics if self._evaluating else self.training_metrics

    def results_of_step(self, metrics: list[keras.metrics.Metric]) -> dict[str, tf.Tensor]:
        """The results after a step: all but those that are computed once an epoch."""
        return {m.name: m.result() for m in metrics if not isinstance(m, EffectiveRank)}

    def _get_metrics_result_or_logs(self, logs: Any) -> dict[str, float]:
        return self.get_metrics_result()

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        self._evaluating = True
        try:
            return super().evaluate(*args, **kwargs)
        finally:
            self._evaluating = False
