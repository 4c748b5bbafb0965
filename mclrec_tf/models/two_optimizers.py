"""What a Keras model needs for a second optimizer."""

from typing import Any

import keras

from mclrec_tf.models.trainable_model import (
    TrainableModel,
    build_optimizer,
    checked_optimizer,
    list_of_callbacks,
)
from mclrec_tf.training.averaged_weights import unwrapped
from mclrec_tf.training.fit_callbacks import ProportionalRates


class TwoOptimizerModel(TrainableModel):
    """A model in two parts, encoder and augmenters, each with an optimizer of its own.

    A subclass gives both parts of its weights.
    """

    @property
    def augmenter_weights(self) -> list[keras.Variable]:
        """φ, trained by `augmenter_optimizer`."""
        raise NotImplementedError

    def compile(  # type: ignore[override]
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
                instance: the two keep separate states. Callbacks that change the learning rate
                change both in proportion (`mclrec_tf.training.fit_callbacks.ProportionalRates`).
            jit_compile: False, or `"auto"`, which comes to the same: XLA cannot compile the
                steps, whose shapes depend on how long the histories of a batch are.
            **kwargs: `run_eagerly`, `steps_per_execution`, `auto_scale_loss` as in Keras. The
                losses and metrics are the model's own.

        Raises:
            ValueError: An argument asks for what the model cannot do, or an optimizer belongs to
                other weights already or has several learning rates.
        """
        optimizer = checked_optimizer("optimizer", optimizer)
        augmenter_optimizer = checked_optimizer("augmenter_optimizer", augmenter_optimizer)
        if unwrapped(augmenter_optimizer) is unwrapped(optimizer):
            raise ValueError("augmenter_optimizer must be an instance of its own.")
        super().compile(optimizer, jit_compile, **kwargs)
        loss_scale_optimizer = keras.mixed_precision.LossScaleOptimizer
        if (
            kwargs.get("auto_scale_loss", True)
            and self.dtype_policy.name == "mixed_float16"
            and not isinstance(augmenter_optimizer, loss_scale_optimizer)
        ):
            augmenter_optimizer = loss_scale_optimizer(augmenter_optimizer)
        self.augmenter_optimizer = augmenter_optimizer
        build_optimizer("augmenter_optimizer", augmenter_optimizer, self.augmenter_weights)

    def get_compile_config(self) -> dict[str, Any]:
        config = super().get_compile_config()
        if config:
            config["augmenter_optimizer"] = keras.saving.serialize_keras_object(
                self.augmenter_optimizer
            )
        return config

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
        finalize = keras.callbacks.LambdaCallback(
            on_train_end=lambda logs: self._finalize_augmenters()
        )
        if isinstance(callbacks, keras.callbacks.CallbackList):
            for added in (finalize, ProportionalRates()):
                added.set_model(self)
                callbacks.callbacks.append(added)
        else:
            callbacks = [finalize, *list_of_callbacks(callbacks), ProportionalRates()]
        return super().fit(x, y, batch_size, epochs, verbose, callbacks, **kwargs)

    def _finalize_augmenters(self) -> None:
        # Before the first step the averages are zeros.
        if keras.ops.convert_to_numpy(self.augmenter_optimizer.iterations) > 0:
            self.augmenter_optimizer.finalize_variable_values(self.augmenter_weights)
