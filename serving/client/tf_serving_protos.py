"""The part of TF Serving's API that the client speaks.

tensorflow-serving-api has all of it, but imports TensorFlow: seconds and hundreds of megabytes.
Names, numbers and types are those of the originals; an enumeration is the int32 that it is sent as.
"""

from typing import Any

from google.protobuf.message import Message
from google.protobuf.reflection import GeneratedProtocolMessageType
from google.protobuf.wrappers_pb2 import Int64Value

from serving.message_tables import add_messages

_PACKAGE = "mclrec.tf_serving"
_FIELDS = {
    "Dim": {"size": (1, "int64")},
    "TensorShapeProto": {
        "dim": (2, f"repeated {_PACKAGE}.Dim"),
        "unknown_rank": (3, "bool"),
    },
    "TensorProto": {
        "dtype": (1, "int32"),
        "tensor_shape": (2, f"{_PACKAGE}.TensorShapeProto"),
        "tensor_content": (4, "bytes"),
        "float_val": (5, "repeated float"),
        "int_val": (7, "repeated int32"),
        "string_val": (8, "repeated bytes"),
        "bool_val": (11, "repeated bool"),
    },
    "ModelSpec": {
        "name": (1, "string"),
        "version": (2, Int64Value.DESCRIPTOR.full_name),
        "signature_name": (3, "string"),
        "version_label": (4, "string"),
    },
    "PredictRequest": {
        "model_spec": (1, f"{_PACKAGE}.ModelSpec"),
        "inputs": (2, f"map {_PACKAGE}.TensorProto"),
    },
    "PredictResponse": {"outputs": (1, f"map {_PACKAGE}.TensorProto")},
    "GetModelStatusRequest": {"model_spec": (1, f"{_PACKAGE}.ModelSpec")},
    "StatusProto": {"error_message": (2, "string")},
    "ModelVersionStatus": {
        "version": (1, "int64"),
        "state": (2, "int32"),
        "status": (3, f"{_PACKAGE}.StatusProto"),
    },
    "GetModelStatusResponse": {
        "model_version_status": (1, f"repeated {_PACKAGE}.ModelVersionStatus")
    },
    "TensorInfo": {
        "dtype": (2, "int32"),
        "tensor_shape": (3, f"{_PACKAGE}.TensorShapeProto"),
    },
    "SignatureDef": {
        "inputs": (1, f"map {_PACKAGE}.TensorInfo"),
        "outputs": (2, f"map {_PACKAGE}.TensorInfo"),
    },
    "SignatureDefMap": {"signature_def": (1, f"map {_PACKAGE}.SignatureDef")},
    "GetModelMetadataRequest": {
        "model_spec": (1, f"{_PACKAGE}.ModelSpec"),
        "metadata_field": (2, "repeated string"),
    },
    "GetModelMetadataResponse": {
        "model_spec": (1, f"{_PACKAGE}.ModelSpec"),
        "metadata": (2, "map google.protobuf.Any"),
    },
}
_POOL = add_messages(_PACKAGE, _FIELDS)


def _message_type(name: str) -> Any:
    descriptor = _POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}")
    return GeneratedProtocolMessageType(name, (Message,), {"DESCRIPTOR": descriptor})


_TYPES = {name: _message_type(name) for name in _FIELDS}  # also those that are parts of others

ModelSpec = _TYPES["ModelSpec"]
TensorProto = _TYPES["TensorProto"]
PredictRequest = _TYPES["PredictRequest"]
PredictResponse = _TYPES["PredictResponse"]
GetModelStatusRequest = _TYPES["GetModelStatusRequest"]
GetModelStatusResponse = _TYPES["GetModelStatusResponse"]
GetModelMetadataRequest = _TYPES["GetModelMetadataRequest"]
GetModelMetadataResponse = _TYPES["GetModelMetadataResponse"]
SignatureDefMap = _TYPES["SignatureDefMap"]

DATA_TYPES = {
    "DT_FLOAT": 1,
    "DT_DOUBLE": 2,
    "DT_INT32": 3,
    "DT_UINT8": 4,
    "DT_INT16": 5,
    "DT_INT8": 6,
    "DT_STRING": 7,
    "DT_COMPLEX64": 8,
    "DT_INT64": 9,
    "DT_BOOL": 10,
    "DT_BFLOAT16": 14,
    "DT_UINT16": 17,
    "DT_COMPLEX128": 18,
    "DT_HALF": 19,
    "DT_UINT32": 22,
    "DT_UINT64": 23,
}
STATES = {
    "UNKNOWN": 0,
    "START": 10,
    "LOADING": 20,
    "AVAILABLE": 30,
    "UNLOADING": 40,
    "END": 50,
}
