"""Replays the requests that an export carries, before its first real one."""

import os

import grpc
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import prediction_log_pb2

from serving.devserver.servables.inference import classify, multi_inference, regress
from serving.devserver.servables.predict import predict_request
from serving.devserver.servables.servable import Servable
from serving.errors import ServingError, invalid_argument
from serving.export_contract import WARMUP_FILE

_MAX_RECORDS = 1000  # TF Serving refuses a model with more


def warm_up(servable: Servable) -> int:
    """Answers every request of `assets.extra/tf_serving_warmup_requests`.

    Spares the first user the seconds that TensorFlow takes to prepare each signature, and keeps
    out a version that cannot answer its own records.

    Args:
        servable: Whose folder holds the file; without one there is nothing to do.

    Returns:
        The number of requests answered.

    Raises:
        ServingError: A record is unreadable or its request fails.
    """
    path = os.path.join(servable.path, WARMUP_FILE)
    if not tf.io.gfile.exists(path):
        return 0
    count = 0
    records = tf.data.TFRecordDataset(path).with_options(_untuned())
    try:
        for count, record in enumerate(records.as_numpy_iterator(), 1):
            if count > _MAX_RECORDS:
                raise invalid_argument(f"more than {_MAX_RECORDS} records")
            _replay(servable, prediction_log_pb2.PredictionLog.FromString(record))
    except ServingError as error:
        raise ServingError(error.code, f"{path}, record {count}: {error.message}") from error
    except (DecodeError, tf.errors.OpError) as error:
        raise invalid_argument(f"{path}, after record {count}: {error}") from error
    return count


def _untuned() -> tf.data.Options:
    """Without them the end of the file waits for tf.data's tuner, which sleeps for seconds."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return options


def _replay(servable: Servable, log: prediction_log_pb2.PredictionLog) -> None:
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        predict_request(servable, log.predict_log.request)
    elif kind == "classify_log":
        classify(servable, log.classify_log.request)
    elif kind == "regress_log":
        regress(servable, log.regress_log.request)
    elif kind == "multi_inference_log":
        multi_inference(servable, log.multi_inference_log.request)
    elif kind is not None:
        raise ServingError(
            grpc.StatusCode.UNIMPLEMENTED, f"Unsupported log_type for warmup: {kind}"
        )
