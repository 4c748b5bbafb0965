"""TF Serving's two protocols, for the client."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote

import grpc
import httpx
import numpy as np

from serving.errors import ServingError, code_of_http_status

Inputs = Mapping[str, np.ndarray]
Outputs = Mapping[str, list[list[Any]]]


class Transport(Protocol):
    """Asks one model of one server."""

    def predict(self, signature_name: str, inputs: Inputs) -> Outputs:
        """Answers a signature whose outputs all have the shape `[batch, places]`.

        Args:
            signature_name: Of the model.
            inputs: Arrays by name; strings are `bytes` in arrays of objects.

        Returns:
            Numbers and `str` by name. Bytes that are not UTF-8 become surrogates.

        Raises:
            ServingError: With the server's code and message; UNAVAILABLE when it cannot be
                reached, DEADLINE_EXCEEDED when it takes too long.
        """

    def close(self) -> None:
        """Ends the connection."""


class GrpcTransport:
    """TF Serving's PredictionService.

    Args:
        address: `host:port`.
        model_name: As the server knows it.
        timeout: Seconds for a request.
    """

    def __init__(self, address: str, model_name: str, timeout: float):
        # They import TensorFlow, which takes seconds that REST need not wait for.
        from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

        self._new_request = predict_pb2.PredictRequest
        self._model_name = model_name
        self._timeout = timeout
        self._channel = grpc.insecure_channel(
            address,
            options=[
                ("grpc.max_receive_message_length", -1),
                ("grpc.enable_http_proxy", 0),  # a model server is not behind the web's proxy
            ],
        )
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    def predict(self, signature_name: str, inputs: Inputs) -> Outputs:
        from serving.tensor_proto import from_array, to_array

        request = self._new_request()
        request.model_spec.name = self._model_name
        request.model_spec.signature_name = signature_name
        for name, array in inputs.items():
            request.inputs[name].CopyFrom(from_array(array))
        try:
            response = self._stub.Predict(request, timeout=self._timeout)
        except grpc.RpcError as error:
            raise ServingError(error.code(), error.details() or "") from error
        return {
            name: [[_text(x) if isinstance(x, bytes) else x for x in row] for row in rows]
            for name, rows in ((n, to_array(t).tolist()) for n, t in response.outputs.items())
        }

    def close(self) -> None:
        self._channel.close()


class RestTransport:
    """TF Serving's REST API, tensors by column.

    Args:
        address: `host:port`, or a URL that ends before `/v1`.
        model_name: As the server knows it.
        timeout: Seconds that a request may wait for the next byte.
    """

    def __init__(self, address: str, model_name: str, timeout: float):
        self._client = httpx.Client(
            base_url=address if "://" in address else f"http://{address}",
            timeout=timeout,
            trust_env=False,  # a model server is not behind the web's proxy
        )
        self._path = f"/v1/models/{quote(model_name, safe='')}:predict"

    def predict(self, signature_name: str, inputs: Inputs) -> Outputs:
        body = json.dumps(
            {
                "signature_name": signature_name,
                "inputs": {name: array.tolist() for name, array in inputs.items()},
            },
            default=_json_string,
        )
        try:
            response = self._client.post(self._path, content=body)
        except httpx.TimeoutException as error:
            raise ServingError(
                grpc.StatusCode.DEADLINE_EXCEEDED, f"no answer from {self._client.base_url}"
            ) from error
        except httpx.TransportError as error:
            raise ServingError(
                grpc.StatusCode.UNAVAILABLE, f"{self._client.base_url}: {error}"
            ) from error
        document = _parse(response)
        if response.status_code != httpx.codes.OK:
            raise ServingError(code_of_http_status(response.status_code), document["error"])
        return document["outputs"]

    def close(self) -> None:
        self._client.close()


def _parse(response: httpx.Response) -> dict[str, Any]:
    expected = "outputs" if response.status_code == httpx.codes.OK else "error"
    text = _text(response.content)
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if isinstance(document, dict) and expected in document:
        return document
    code = code_of_http_status(response.status_code)
    raise ServingError(code, f"HTTP {response.status_code}, not TF Serving's: {text[:200]!r}")


def _json_string(value: bytes) -> str | dict[str, str]:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(value).decode()}


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")
