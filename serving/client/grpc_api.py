"""TF Serving's gRPC API, PredictionService and ModelService: messages to bytes and back, no I/O."""

from __future__ import annotations

import itertools
import math
import struct
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from serving.client import tf_serving_pb2
from serving.client.answers import ModelMetadata, ModelVersion, Signature, TensorSpec
from serving.client.calls import Call
from serving.client.predict_requests import Outputs, PredictRequest
from serving.client.target import Target
from serving.errors import ServingError
from serving.export_contract import SIGNATURES

CHANNEL_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.enable_http_proxy", 0),  # a model server is not behind the web's proxy
    # A channel refuses calls while it waits to connect again: that must not outlast our retries,
    # nor the start of a server by a minute.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
]
# Of a server that sends numbers as bytes: their code in the struct module, and 4 bytes each.
_CONTENT = {"DT_FLOAT": "f", "DT_INT32": "i"}
_VALUE_FIELD = {
    "DT_FLOAT": "float_val",
    "DT_INT32": "int_val",
    "DT_STRING": "string_val",
    "DT_BOOL": "bool_val",
}
# gRPC calls these UNAVAILABLE, but to try again would not help.
_OTHER_PROTOCOLS = {
    "http1.x server": "the port speaks HTTP/1.1 and not gRPC; is it the one for REST?",
    "WRONG_VERSION_NUMBER": "the port does not speak TLS",
}


class GrpcApi:
    """The calls to one model.

    Args:
        target: The model.
    """

    def __init__(self, target: Target):
        self._model_spec = tf_serving_pb2.ModelSpec(name=target.model_name)
        if target.version is not None:
            self._model_spec.version.value = target.version
        elif target.version_label is not None:
            self._model_spec.version_label = target.version_label

    def predict(self, request: PredictRequest) -> Call[Outputs]:
        """Answered with the outputs of the signature, and those of its counts that it has."""
        contract = SIGNATURES[request.signature]
        message = tf_serving_pb2.PredictRequest(model_spec=self._model_spec)
        message.model_spec.signature_name = request.signature
        for name, rows in request.inputs.items():
            _write_tensor(message.inputs[name], contract.inputs[name], rows)

        def read(content: bytes) -> Outputs:
            outputs = _parsed(tf_serving_pb2.PredictResponse, content).outputs
            return request.checked(
                {
                    name: rows_of_tensor(name, dtype, outputs[name], num_dims)
                    for names, num_dims in ((contract.outputs, 2), (contract.counts, 1))
                    for name, dtype in names.items()
                    if name in outputs
                }
            )

        return _call("PredictionService/Predict", message, read)

    def model_status(self) -> Call[list[ModelVersion]]:
        """Answered with all versions of the model."""
        message = tf_serving_pb2.GetModelStatusRequest()
        message.model_spec.name = self._model_spec.name
        return _call("ModelService/GetModelStatus", message, _read_status)

    def model_metadata(self) -> Call[ModelMetadata]:
        """Answered with the version that is asked, and its signatures."""
        message = tf_serving_pb2.GetModelMetadataRequest(
            model_spec=self._model_spec, metadata_field=["signature_def"]
        )
        return _call("PredictionService/GetModelMetadata", message, _read_metadata)


def serving_error(error: grpc.RpcError) -> ServingError:
    """What a failed call means, by the code and the words that gRPC gives it."""
    code, message = error.code(), error.details() or ""
    for sign, meaning in _OTHER_PROTOCOLS.items():
        if code == grpc.StatusCode.UNAVAILABLE and sign in message:
            return ServingError(grpc.StatusCode.UNIMPLEMENTED, f"{meaning} ({message})")
    return ServingError(code, message)


def rows_of_tensor(name: str, dtype: str, tensor: Any, num_dims: int) -> list[Any]:
    """The values of a matrix, row by row, or of a vector.

    Args:
        name: Of the output, for the error.
        dtype: That the contract gives it.
        tensor: A TensorProto.
        num_dims: 1 or 2.
    """
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    values = list(getattr(tensor, _VALUE_FIELD[dtype]))
    content = tensor.tensor_content
    if content and dtype in _CONTENT and len(content) % 4 == 0:
        values = list(struct.unpack(f"<{len(content) // 4}{_CONTENT[dtype]}", content))
    if len(shape) != num_dims or len(values) != math.prod(shape):
        raise ServingError(
            grpc.StatusCode.INTERNAL,
            f"the answer holds {len(values)} values of {dtype} in {name} of shape {shape}",
        )
    if num_dims == 1:
        return values
    width = shape[1]
    return [values[row * width : (row + 1) * width] for row in range(shape[0])]


def _call(method: str, message: Any, read: Any) -> Call[Any]:
    return Call(f"/tensorflow.serving.{method}", message.SerializeToString(), read)


def _parsed(message_type: Any, content: bytes) -> Any:
    try:
        return message_type.FromString(content)
    except DecodeError as error:
        raise ServingError(
            grpc.StatusCode.INTERNAL, f"the answer is no {message_type.DESCRIPTOR.name} ({error})"
        ) from error


def _write_tensor(tensor: Any, dtype: str, rows: list[Any]) -> None:
    tensor.dtype = tf_serving_pb2.DataType.Value(dtype)
    tensor.tensor_shape.dim.add(size=len(rows))
    if isinstance(rows[0], list):
        tensor.tensor_shape.dim.add(size=len(rows[0]))
        rows = list(itertools.chain.from_iterable(rows))
    if dtype == "DT_STRING":
        rows = [item.encode("utf-8", "surrogateescape") for item in rows]
    getattr(tensor, _VALUE_FIELD[dtype]).extend(rows)


def _read_status(content: bytes) -> list[ModelVersion]:
    states = tf_serving_pb2.ModelVersionStatus.State
    return [
        ModelVersion(v.version, _name(states, v.state, "UNKNOWN"), v.status.error_message)
        for v in _parsed(tf_serving_pb2.GetModelStatusResponse, content).model_version_status
    ]


def _read_metadata(content: bytes) -> ModelMetadata:
    response = _parsed(tf_serving_pb2.GetModelMetadataResponse, content)
    packed = response.metadata["signature_def"].value
    signatures = _parsed(tf_serving_pb2.SignatureDefMap, packed).signature_def
    return ModelMetadata(
        response.model_spec.version.value,
        {
            name: Signature(_specs(signature.inputs), _specs(signature.outputs))
            for name, signature in signatures.items()
        },
    )


def _specs(infos: Any) -> dict[str, TensorSpec]:
    return {
        name: TensorSpec(
            _name(tf_serving_pb2.DataType, info.dtype, str(info.dtype)),
            None
            if info.tensor_shape.unknown_rank
            else tuple(dim.size for dim in info.tensor_shape.dim),
        )
        for name, info in infos.items()
    }


def _name(enumeration: Any, number: int, otherwise: str) -> str:
    """The name of a number; a newer server may send one that the enumeration does not have."""
    value = enumeration.DESCRIPTOR.values_by_number.get(number)
    return value.name if value else otherwise
