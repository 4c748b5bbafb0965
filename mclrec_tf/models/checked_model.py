"""Keras' loops with what they are given checked before they begin."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mclrec_tf.encoders.sequence_encoder import SequenceEncoder
from mclrec_tf.models.inputs import (
    checked_history,
    named_errors,
    padded_rows,
    refuse_weights,
    training_rows,
)


class CheckedModel(keras.Model):
    """`fit`, `evaluate` and `predict` whose arrays are looked at before the first step.

    Datasets and generators cannot be: their batches are checked one by one, by the steps of the
    subclass, with the same functions.
    """

    encoder: SequenceEncoder

    def __call__(self, history: Any, *args: Any, **kwargs: Any) -> tf.Tensor:
        # Keras takes a list for several inputs.
        if isinstance(history, (list, tuple)):
            history = checked_history(history, self.encoder.num_items)
        return super().__call__(history, *args, **kwargs)

    @named_errors
    def fit(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        _refuse_weights(kwargs)
        x, y = self._training_arrays(x, y)
        if isinstance(x, tf.data.Dataset):  # its order is its own, but Keras warns of its default
            kwargs.setdefault("shuffle", False)
        validation = kwargs.get("validation_data")
        if isinstance(validation, (tuple, list)) and len(validation) > 1:
            kwargs["validation_data"] = (*self._evaluation_arrays(*validation[:2]), *validation[2:])
        return super().fit(x, y, *args, **kwargs)

    @named_errors
    def evaluate(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        return super().evaluate(*self._evaluation_arrays(x, y), *args, **kwargs)

    @named_errors
    def predict(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        return super().predict(self._history_array(x), *args, **kwargs)

    @named_errors
    def train_on_batch(self, x: Any, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        _refuse_weights(kwargs)
        return super().train_on_batch(*self._training_arrays(x, y), *args, **kwargs)

    @named_errors
    def test_on_batch(self, x: Any, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        return super().test_on_batch(*self._evaluation_arrays(x, y), *args, **kwargs)

    @named_errors
    def predict_on_batch(self, x: Any) -> Any:
        return super().predict_on_batch(self._history_array(x))

    def _history_array(self, x: Any) -> Any:
        if not _is_array(x):
            return x
        with tf.device("CPU"):
            return checked_history(x, self.encoder.num_items).numpy()

    def _training_arrays(self, x: Any, y: Any) -> tuple[Any, Any]:
        if not _is_array(x):
            return x, y
        with tf.device("CPU"):
            history, targets = training_rows(
                x,
                y,
                self.encoder.num_items,
                self.encoder.max_length,
                self.encoder.item_embedding.num_trained,
            )
        return history.numpy(), targets.numpy()

    def _evaluation_arrays(self, x: Any, y: Any) -> tuple[Any, Any]:
        if not _is_array(x):
            return x, y
        with tf.device("CPU"):
            history, targets = padded_rows(x, y, self.encoder.num_items)
        return history.numpy(), targets.numpy()


def _is_array(x: Any) -> bool:
    return isinstance(x, (list, tuple, np.ndarray, tf.Tensor, tf.RaggedTensor)) or hasattr(
        x, "__array__"
    )


def _refuse_weights(arguments: dict[str, Any]) -> None:
    refuse_weights(**{name: arguments.get(name) for name in ("sample_weight", "class_weight")})
