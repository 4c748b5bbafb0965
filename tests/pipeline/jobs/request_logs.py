"""Request logs for tests, of what a server with a few items could have answered."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

WIDTH = 50


def prediction_log(
    histories: Sequence[Sequence[str]],
    best: Sequence[Sequence[str]] | None = None,
    known: Sequence[int] | None = None,
    *,
    time: int = 0,
    version: int = 7,
    model: str = "mclrec",
    signature: str = "serving_default",
    rate: float = 1.0,
) -> prediction_log_pb2.PredictionLog:
    """The log of one request: rows of histories, and of answers of one length."""
    log = prediction_log_pb2.PredictionLog()
    for spec in (log.log_metadata.model_spec, log.predict_log.response.model_spec):
        spec.name, spec.version.value, spec.signature_name = model, version, signature
    log.predict_log.request.model_spec.name = model
    log.log_metadata.timestamp_secs = time
    log.log_metadata.sampling_config.sampling_rate = rate
    padded = [[*history, *[""] * (WIDTH - len(history))] for history in histories]
    log.predict_log.request.inputs["history"].CopyFrom(_strings(padded))
    outputs = log.predict_log.response.outputs
    if best is not None:
        outputs["item_ids"].CopyFrom(_strings(best))
    if known is not None:
        outputs["known_items"].CopyFrom(tf.make_tensor_proto(np.array(known, np.int32)))
    return log


def _strings(rows: Sequence[Sequence[str]]) -> tf.make_tensor_proto:
    return tf.make_tensor_proto(np.array(rows, dtype=object).reshape(len(rows), -1))


def write_log(
    path: Path, logs: Sequence[prediction_log_pb2.PredictionLog], packed: str = ""
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path), packed) as writer:
        for log in logs:
            writer.write(log.SerializeToString())
    return path
