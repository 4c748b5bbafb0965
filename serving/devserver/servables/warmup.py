"""Replays the requests that an export carries, before its first real one."""

import posixpath

import grpc
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import prediction_log_pb2

from serving.devserver.servables.predict import predict_request
from serving.devserver.servables.servable import Servable
from serving.errors import ServingError, invalid_argument
from serving.export_contract import WARMUP_FILE

_MAX_RECORDS = 1000  # TF Serving refuses a model with more


def warm_up(servable: Servable) -> None:
    """Answers every request in an export's file of warm-up requests.

    It spares the first user the seconds that TensorFlow takes to prepare each signature, and keeps
    out a version that cannot answer its own requests.

    Args:
        servable: The version; without such a file in its folder there is nothing to do.

    Raises:
        ServingError: A record cannot be read, is not one of Predict, or its request fails.
    """
    path = posixpath.join(servable.path, WARMUP_FILE)
    if not tf.io.gfile.exists(path):
        return
    count = 0
    # At the end of the file tf.data would wait for its tuner, which sleeps for seconds.
    options = tf.data.Options()
    options.autotune.enabled = False
    try:
        records = tf.data.TFRecordDataset(path).with_options(options)
        for count, record in enumerate(records.as_numpy_iterator(), 1):
            if count > _MAX_RECORDS:
                raise invalid_argument(f"more than {_MAX_RECORDS} records")
            log = prediction_log_pb2.PredictionLog.FromString(record)
            if not log.HasField("predict_log"):
                kind = log.WhichOneof("log_type")
                raise ServingError(
                    grpc.StatusCode.UNIMPLEMENTED, f"it is a {kind}, not a predict_log"
                )
            predict_request(servable, log.predict_log.request)
    except ServingError as error:
        raise ServingError(error.code, f"{path}, record {count}: {error.message}") from error
    except (DecodeError, tf.errors.OpError) as error:
        raise invalid_argument(f"{path}, after record {count}: {error}") from error
