"""A model that answers when a test wants it, with answers as large as a test wants them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from tests.serving.stand_in import HISTORY_LENGTH, StandIn

LONG_ITEMS = [f"{number:01000}" for number in range(20)]


class Patient(StandIn):
    """Answers a history whose first item is a path only once there is a file."""

    def scores(self, history: tf.Tensor) -> tf.Tensor:
        path = history[0, 0]

        def waits(rounds: tf.Tensor) -> tf.Tensor:
            # The pattern depends on the round, or TensorFlow may look but once.
            pattern = path + tf.strings.substr(tf.strings.as_string(rounds), 0, 0)
            there = tf.size(tf.io.matching_files(pattern)) > 0
            return tf.strings.regex_full_match(path, "/.*") & ~there

        [rounds] = tf.while_loop(waits, lambda rounds: [rounds + 1], [tf.constant(0)])
        return super().scores(history) + tf.cast(tf.minimum(rounds, 0), tf.float32)


def history(first: str = "", rows: int = 1) -> list[list[str]]:
    return [[first, *[""] * (HISTORY_LENGTH - 1)]] * rows


def waiting_for(file: Path) -> list[list[str]]:
    """A history that is answered once a file is there."""
    return history(str(file))


def predict_request(model: str, rows: Sequence[Sequence[str]]) -> predict_pb2.PredictRequest:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.inputs["history"].CopyFrom(tf.make_tensor_proto(np.array(rows, dtype=object)))
    return request


def recommend_request(model: str, k: int, rows: int = 1) -> predict_pb2.PredictRequest:
    request = predict_request(model, history(rows=rows))
    request.model_spec.signature_name = "recommend"
    for name, values in (
        ("exclude", np.full((rows, 1), b"", dtype=object)),
        ("k", np.full(rows, k, np.int32)),
        ("keep_seen", np.full(rows, True)),
    ):
        request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
    return request
