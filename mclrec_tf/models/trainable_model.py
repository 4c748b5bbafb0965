"""What training needs of a Keras model whose losses and metrics are its own."""

import os
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from mclrec_tf.arguments import path_text
from mclrec_tf.training.averaged_weights import unwrapped
from mclrec_tf.training.collapse import EffectiveRank
from mclrec_tf.training.fit_callbacks import tell_directions


class TrainableModel(keras.Model):
    """`compile`, `fit`, saving and the metrics of each phase; base of all models here.

    A subclass gives the weights that `optimizer` trains and the metrics of its two phases.
    """

    _evaluating = False
    _fitting = False

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # Keras would turn XLA on wherever there is a GPU, also for a model that only predicts.
        self.supports_jit = False

    @property
    def encoder_weights(self) -> list[keras.Variable]:
        """θ, trained by `optimizer`."""
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
        self, optimizer: Any = "adam", jit_compile: bool | str = False, **kwargs: Any
    ) -> None:
        """Configures training.

        Args:
            optimizer: Optimizer of the encoder.
            jit_compile: False, or `"auto"`, which comes to the same: XLA cannot compile the
                steps, whose shapes depend on how long the histories of a batch are.
            **kwargs: `run_eagerly`, `steps_per_execution`, `auto_scale_loss` as in Keras. The
                losses and metrics are the model's own.

        Raises:
            ValueError: An argument asks for what the model cannot do, or an optimizer belongs to
                other weights already or has several learning rates.
        """
        own = ("loss", "loss_weights", "metrics", "weighted_metrics")
        given = [name for name in own if kwargs.pop(name, None) is not None]
        if given:
            raise ValueError(
                f"{', '.join(given)}: the losses and metrics of {type(self).__name__} are its own."
            )
        if jit_compile not in (False, "auto"):
            raise ValueError(
                f"jit_compile must be False or 'auto', got {jit_compile!r}: XLA cannot compile "
                "steps whose shapes depend on the lengths of the histories."
            )
        optimizer = checked_optimizer("optimizer", optimizer)
        super().compile(optimizer=optimizer, jit_compile=jit_compile, **kwargs)
        # Built now, so that a checkpoint can be loaded before the first step.
        build_optimizer("optimizer", self.optimizer, self.encoder_weights)

    def get_compile_config(self) -> dict[str, Any]:
        config = super().get_compile_config()
        for name in ("loss", "loss_weights", "metrics", "weighted_metrics"):
            config.pop(name, None)
        return config

    def compile_from_config(self, config: dict[str, Any]) -> None:
        # Earlier versions took jit_compile=True, though nothing could be trained then.
        options = {name: value for name, value in config.items() if name != "jit_compile"}
        self.compile(**keras.saving.deserialize_keras_object(options))

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
        tell_directions(
            list_of_callbacks(callbacks), self.training_metrics, self.evaluation_metrics
        )
        self._fitting, self._evaluating = True, False
        try:
            return super().fit(x, y, batch_size, epochs, verbose, callbacks, **kwargs)
        finally:
            self._fitting = False

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        # The model is built when it is made. Under tf.distribute Keras would look whether it is,
        # by the mean of the first batch over the replicas: an error where they have unlike parts.
        pass

    def save(self, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
        """As Keras saves, in its own format.

        Raises:
            ValueError: `filepath` does not end in `.keras`. Keras would write HDF5, but cannot
                read such a model from it.
        """
        path = path_text("filepath", filepath)
        if path.endswith((".h5", ".hdf5")):
            raise ValueError(
                f"filepath={path!r}: Keras cannot read such a model from HDF5; "
                "end the name in .keras, or call save_weights with .weights.h5."
            )
        # Without it, Keras saves on a hub and, unpacked, in a folder.
        folder = path.startswith("hf://") or kwargs.get("zipped") is False
        if not path.endswith(".keras") and not folder:
            raise ValueError(f"filepath must end in .keras, got {path!r}.")
        super().save(filepath, overwrite, **kwargs)

    def export(self, filepath: Any, *args: Any, input_signature: Any = None, **kwargs: Any) -> None:
        """As Keras exports: ids of histories in, scores of the catalogue out.

        `mclrec_tf.export.saved_model.export_savedmodel` writes what a server of recommendations
        needs, with the names of the items.
        """
        if input_signature is None:
            input_signature = [keras.InputSpec(shape=(None, None), dtype="int32", name="history")]
        super().export(os.fspath(filepath), *args, input_signature=input_signature, **kwargs)

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
    # that are costly to compute, so both are said plainly.

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """Those of the phase that the model is in, or was in last.

        So `metrics_names` are the names of what `evaluate` or `train_on_batch` returned.
        """
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
            self._evaluating = not self._fitting

    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        self._evaluating = False
        return super().train_on_batch(*args, **kwargs)

    def test_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        self._evaluating = True
        return super().test_on_batch(*args, **kwargs)


def list_of_callbacks(callbacks: Any) -> list[keras.callbacks.Callback]:
    """The callbacks in whatever form `fit` was given them."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        return list(callbacks.callbacks)
    return keras.tree.flatten(callbacks or [])


def checked_optimizer(name: str, optimizer: Any) -> keras.optimizers.Optimizer:
    """The optimizer that an argument means.

    Callbacks read and set the learning rate of an optimizer, so Keras' `MultiOptimizer`, which
    older versions of Keras do not have, is refused: one made of several has none.

    Raises:
        ValueError: It is none, or has several learning rates.
    """
    if optimizer is None:
        raise ValueError(f"{name} must be an optimizer, got None.")
    optimizer = keras.optimizers.get(optimizer)
    several = getattr(keras.optimizers, "MultiOptimizer", ())
    if isinstance(unwrapped(optimizer), several):
        raise ValueError(
            f"{name} must be one optimizer with one learning rate, not a MultiOptimizer: callbacks "
            "and checkpoints go by its learning rate."
        )
    return optimizer


def build_optimizer(name: str, optimizer: Any, weights: Sequence[keras.Variable]) -> None:
    """Makes the optimizer's states for these weights.

    Raises:
        ValueError: It has been built for others.
    """
    for weight in weights:
        # Muon tells weights apart by their paths, but Keras hands it TensorFlow's variables.
        for part in getattr(weight.value, "values", [weight.value]):  # one a replica
            part.path = weight.path
    was_built = optimizer.built
    optimizer.build(weights)
    known = {id(weight) for weight in unwrapped(optimizer)._trainable_variables}
    if was_built and not known.issuperset(map(id, weights)):
        raise ValueError(f"{name} has trained other weights: give a new instance.")
