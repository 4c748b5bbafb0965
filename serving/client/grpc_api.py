"""TF Serving's PredictionService and ModelService."""

from __future__ import annotations

import itertools
import math
import struct
from functools import cached_property
from typing import Any

import grpc

from serving.client import tf_serving_protos as protos
from serving.client.answers import ModelMetadata, ModelVersion, Signature, TensorSpec
from serving.client.contract import SIGNATURES
from serving.client.credentials import Tls
from serving.client.drivers import Driver
from serving.client.predict_requests import Outputs, Question
from serving.client.target import Target
from serving.errors import ServingError

_OPTIONS = [
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
_DATA_TYPE = {number: name for name, number in protos.DATA_TYPES.items()}
_STATE = {number: name for name, number in protos.STATES.items()}
# gRPC calls these UNAVAILABLE, but to try again would not help.
_OTHER_PROTOCOLS = {
    "http1.x server": "the port speaks HTTP/1.1 and not gRPC; is it the one for REST?",
    "WRONG_VERSION_NUMBER": "the port does not speak TLS",
}


class GrpcTransport:
    """A Transport over gRPC.

    Args:
        driver: Does the I/O.
        target: The model.
        tls: None for an unencrypted connection.
    """

    def __init__(self, driver: Driver, target: Target, tls: Tls | None):
        self._driver = driver
        self._spec = protos.ModelSpec(name=target.model_name)
        if target.version is not None:
            self._spec.version.value = target.version
        elif target.version_label is not None:
            self._spec.version_label = target.version_label
        self._address = target.address
        self._credentials = tls.channel_credentials() if tls else None

    # Opened by the first call: a channel of asyncio belongs to the event loop that runs then.
    @cached_property
    def _channel(self) -> Any:
        return self._driver.channel(self._address, self._credentials, _OPTIONS)

    @cached_property
    def _predict(self) -> Any:
        return self._method("PredictionService/Predict", protos.PredictResponse)

    @cached_property
    def _metadata(self) -> Any:
        return self._method("PredictionService/GetModelMetadata", protos.GetModelMetadataResponse)

    @cached_property
    def _status(self) -> Any:
        return self._method("ModelService/GetModelStatus", protos.GetModelStatusResponse)

    async def predict(self, question: Question, timeout: float) -> Outputs:
        request = protos.PredictRequest(model_spec=self._spec)
        request.model_spec.signature_name = question.signature_name
        contract = SIGNATURES[question.signature_name]
        for name, rows in question.inputs.items():
            _write_tensor(request.inputs[name], contract.inputs[name], rows)
        response = await self._call(self._predict, request, timeout)
        return {
            name: _rows(name, dtype, response.outputs[name], num_dims)
            for names, num_dims in ((contract.outputs, 2), (contract.counts, 1))
            for name, dtype in names.items()
            if name in response.outputs
        }

    async def model_status(self, timeout: float) -> list[ModelVersion]:
        request = protos.GetModelStatusRequest()
        request.model_spec.name = self._spec.name
        response = await self._call(self._status, request, timeout)
        return [
            ModelVersion(v.version, _STATE.get(v.state, "UNKNOWN"), v.status.error_message)
            for v in response.model_version_status
        ]

    async def model_metadata(self, timeout: float) -> ModelMetadata:
        request = protos.GetModelMetadataRequest(
            model_spec=self._spec, metadata_field=["signature_def"]
        )
        response = await self._call(self._metadata, request, timeout)
        found = protos.SignatureDefMap.FromString(response.metadata["signature_def"].value)
        return ModelMetadata(
            response.model_spec.version.value,
            {
                name: Signature(_specs(signature.inputs), _specs(signature.outputs))
                for name, signature in found.signature_def.items()
            },
        )

    async def close(self) -> None:
        if "_channel" in self.__dict__:
            await self._driver.close(self._channel)

    def _method(self, name: str, response_type: Any) -> Any:
        return self._channel.unary_unary(
            f"/tensorflow.serving.{name}",
            request_serializer=lambda request: request.SerializeToString(),
            response_deserializer=response_type.FromString,
        )

    async def _call(self, method: Any, request: Any, timeout: float) -> Any:
        try:
            return await self._driver.call(method, request, timeout)
        except grpc.RpcError as error:
            code, message = error.code(), error.details() or ""
            for sign, meaning in _OTHER_PROTOCOLS.items():
                if code == grpc.StatusCode.UNAVAILABLE and sign in message:
                    code, message = grpc.StatusCode.UNIMPLEMENTED, f"{meaning} ({message})"
            raise ServingError(code, message) from error


def _write_tensor(tensor: Any, dtype: str, rows: list[Any]) -> None:
    tensor.dtype = protos.DATA_TYPES[dtype]
    tensor.tensor_shape.dim.add(size=len(rows))
    if isinstance(rows[0], list):
        tensor.tensor_shape.dim.add(size=len(rows[0]))
        rows = list(itertools.chain.from_iterable(rows))
    if dtype == "DT_STRING":
        rows = [item.encode("utf-8", "surrogateescape") for item in rows]
    getattr(tensor, _VALUE_FIELD[dtype]).extend(rows)


def _rows(name: str, dtype: str, tensor: Any, num_dims: int) -> list[Any]:
    """The values of a matrix, row by row, or of a vector."""
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


def _specs(infos: Any) -> dict[str, TensorSpec]:
    return {
        name: TensorSpec(
            _DATA_TYPE.get(info.dtype, str(info.dtype)),
            None
            if info.tensor_shape.unknown_rank
            else tuple(dim.size for dim in info.tensor_shape.dim),
        )
        for name, info in infos.items()
    }
