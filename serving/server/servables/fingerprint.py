"""Notices a SavedModel whose graph is not the one that was exported."""

import os

import grpc
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import fingerprint_pb2
from tensorflow.python.saved_model.pywrap_saved_model import fingerprinting

from serving.errors import ServingError

_FILE = "fingerprint.pb"


def check_fingerprint(path: str) -> None:
    """Compares the graph of a SavedModel with the checksum that the export wrote beside it.

    TensorFlow compares the checksums of variables when it reads them, but not that of the graph: a
    flipped bit in a constant would change answers.

    Args:
        path: Folder of the SavedModel; where it has no `fingerprint.pb`, nothing is known.

    Raises:
        ServingError: DATA_LOSS, the graph has changed.
    """
    file = os.path.join(path, _FILE)
    if not tf.io.gfile.exists(file):
        return
    try:
        with tf.io.gfile.GFile(file, "rb") as opened:
            exported = fingerprint_pb2.FingerprintDef.FromString(opened.read())
        found = fingerprint_pb2.FingerprintDef.FromString(fingerprinting.CreateFingerprintDef(path))
    except fingerprinting.FingerprintException:
        return  # there is no graph that can be read, which the loader explains better
    except (DecodeError, tf.errors.OpError) as error:
        raise ServingError(grpc.StatusCode.DATA_LOSS, f"{file} is unreadable: {error}") from error
    if found.saved_model_checksum != exported.saved_model_checksum:
        raise ServingError(
            grpc.StatusCode.DATA_LOSS,
            f"{path} is damaged: its graph does not have the checksum in {_FILE}. Copy it again; "
            f"delete {_FILE} if the graph was changed on purpose",
        )
