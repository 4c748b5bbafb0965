"""Warm-up requests inside an export: TensorFlow Serving replays them before a version serves.

They make the first real request as fast as the rest, and a version that fails one of them is
never served.
"""

import itertools
import os

import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"
_HISTORY_ITEMS = 5
_BATCHES = (1, 8)


def write_warmup_requests(
    export: str | os.PathLike[str], vocabulary: str | os.PathLike[str], history_length: int
) -> None:
    """Writes requests for every signature of an export of `export_savedmodel`.

    Args:
        export: Folder of the SavedModel.
        vocabulary: Its text file of raw item ids, one a line.
        history_length: H, the width of the `history` input.
    """
    with tf.io.gfile.GFile(vocabulary, "rb") as lines:
        items = [line.rstrip(b"\n") for line in itertools.islice(lines, _HISTORY_ITEMS)]
    padding = [b""] * (history_length - len(items[:history_length]))
    history = items[:history_length] + padding
    path = os.path.join(export, WARMUP_FILE)
    tf.io.gfile.makedirs(os.path.dirname(path))
    with tf.io.TFRecordWriter(path) as writer:
        for batch in _BATCHES:
            histories = tf.constant([history] * batch)
            options = {
                "exclude": tf.constant([items[:1]] * batch),
                "k": tf.fill([batch], 10),
                "keep_seen": tf.fill([batch], False),
            }
            requests = {
                "serving_default": {"history": histories},
                "recommend": {"history": histories, **options},
                "recommend_among": {
                    "history": histories,
                    "candidates": tf.constant([items] * batch),
                    "candidate_set": tf.fill([batch], ""),
                    **options,
                },
                "similar_items": {
                    "item": tf.constant(items[:1] * batch),
                    "k": tf.fill([batch], 10),
                },
                "rank_examples": {"examples": tf.constant([_example(items)] * batch)},
                "user_vector": {"history": histories},
            }
            for signature, inputs in requests.items():
                writer.write(_log(signature, inputs).SerializeToString())


def _example(items: list[bytes]) -> bytes:
    def strings(values: list[bytes]) -> tf.train.Feature:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))

    features = {"history": strings(items), "target": strings(items[-1:])}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def _log(signature: str, inputs: dict[str, tf.Tensor]) -> prediction_log_pb2.PredictionLog:
    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return prediction_log_pb2.PredictionLog(
        predict_log=prediction_log_pb2.PredictLog(request=request)
    )
