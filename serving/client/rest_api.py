"""TF Serving's REST API, with tensors by column: JSON to bytes and back, no I/O."""

from __future__ import annotations

import base64
import json
from array import array
from typing import Any

import grpc

from serving.client.answers import ModelMetadata, ModelVersion, Signature, TensorSpec
from serving.client.calls import Call
from serving.client.predict_requests import Outputs, PredictRequest, text
from serving.client.target import Target
from serving.errors import ServingError, code_of_http_status
from serving.export_contract import SIGNATURES, SignatureContract

# Of both HTTP libraries. A pool keeps an idle connection for less time than servers do.
MAX_CONNECTIONS = 100
KEEP_ALIVE_SECONDS = 30.0

_OK, _NOT_FOUND = 200, 404
_SHOWN_CHARACTERS = 200


class RestApi:
    """The calls to one model.

    Args:
        target: The model.
        base_url: The URL of the server up to `/v1`.
    """

    def __init__(self, target: Target, base_url: str):
        self._model_url = f"{base_url}{target.path()}"
        every_version = target._replace(version=None, version_label=None)
        self._status_url = f"{base_url}{every_version.path()}"

    def predict(self, request: PredictRequest) -> Call[Outputs]:
        """Answered with the outputs of the signature, and those of its counts that it has."""

        def read(content: bytes) -> Outputs:
            outputs = _parsed(_OK, content, "outputs")["outputs"]
            return request.checked(outputs_of_json(SIGNATURES[request.signature], outputs))

        return Call(f"{self._model_url}:predict", _body(request), read)

    def model_status(self) -> Call[list[ModelVersion]]:
        """Answered with all versions of the model."""
        return Call(self._status_url, None, _read_status)

    def model_metadata(self) -> Call[ModelMetadata]:
        """Answered with the version that is asked, and its signatures."""
        return Call(f"{self._model_url}/metadata", None, _read_metadata)


def successful(status: int, content: bytes) -> bytes:
    """The content of a response.

    Raises:
        ServingError: The status is that of an error, which the content then tells.
    """
    if status != _OK:
        raise ServingError(code_of_http_status(status), _parsed(status, content, "error")["error"])
    return content


def took_too_long() -> ServingError:
    """What a request ends with that has no time left."""
    return ServingError(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")


def not_http(reason: object) -> ServingError:
    """What answers does not speak HTTP/1.1."""
    return ServingError(
        grpc.StatusCode.UNIMPLEMENTED,
        "the port does not speak HTTP/1.1; is it the one for gRPC, or does it expect TLS? "
        f"({reason})",
    )


def not_connected(reason: object) -> ServingError:
    """There is no connection, or it broke."""
    if "WRONG_VERSION_NUMBER" in str(reason):
        return ServingError(
            grpc.StatusCode.UNIMPLEMENTED, f"the port does not speak TLS ({reason})"
        )
    return ServingError(grpc.StatusCode.UNAVAILABLE, str(reason))


def outputs_of_json(contract: SignatureContract, outputs: Any) -> Outputs:
    """The outputs that a contract names, from the value of "outputs" in an answer."""
    if not isinstance(outputs, dict):  # TF Serving leaves the name of the only output out
        outputs = dict.fromkeys(contract.outputs, outputs)
    dtypes = {**contract.outputs, **contract.counts}
    return {
        name: _float32(name, rows) if dtypes[name] == "DT_FLOAT" else rows
        for name, rows in outputs.items()
        if name in dtypes
    }


def _body(request: PredictRequest) -> bytes:
    document = {"signature_name": request.signature, "inputs": request.inputs}
    try:
        return json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # ids that are not UTF-8
        inputs = {name: _as_base64(rows) for name, rows in request.inputs.items()}
        return json.dumps({**document, "inputs": inputs}).encode()


def _as_base64(value: Any) -> Any:
    if isinstance(value, list):
        return [_as_base64(part) for part in value]
    if isinstance(value, str) and not value.isascii():
        return {"b64": base64.b64encode(value.encode("utf-8", "surrogateescape")).decode()}
    return value


def _float32(name: str, rows: Any) -> list[list[float]]:
    """The model's float32, which decimals give back exactly once they are rounded to it."""
    try:
        return [array("f", row).tolist() for row in rows]
    except (OverflowError, TypeError) as error:
        raise ServingError(
            grpc.StatusCode.INTERNAL, f"{name} of the answer holds no rows of numbers ({error})"
        ) from error


def _parsed(status: int, content: bytes, expected: str) -> dict[str, Any]:
    """The document of a response, which has to have the expected field."""
    decoded = text(content)
    try:
        document = json.loads(decoded)
    except ValueError:
        document = None
    if isinstance(document, dict) and expected in document:
        return document
    code = code_of_http_status(status)
    if status in (_OK, _NOT_FOUND):
        code = grpc.StatusCode.UNIMPLEMENTED
    shown = decoded[:_SHOWN_CHARACTERS]
    raise ServingError(code, f"HTTP {status}, not TF Serving's: {shown!r}")


def _read_status(content: bytes) -> list[ModelVersion]:
    return [
        ModelVersion(int(s["version"]), s["state"], s["status"]["error_message"])
        for s in _parsed(_OK, content, "model_version_status")["model_version_status"]
    ]


def _read_metadata(content: bytes) -> ModelMetadata:
    document = _parsed(_OK, content, "metadata")
    signatures = document["metadata"]["signature_def"]["signature_def"]
    return ModelMetadata(
        int(document["model_spec"]["version"]),
        {
            name: Signature(_specs(signature["inputs"]), _specs(signature["outputs"]))
            for name, signature in signatures.items()
        },
    )


def _specs(infos: dict[str, Any]) -> dict[str, TensorSpec]:
    return {
        name: TensorSpec(
            info["dtype"],
            None
            if info["tensor_shape"]["unknown_rank"]
            else tuple(int(dim["size"]) for dim in info["tensor_shape"]["dim"]),
        )
        for name, info in infos.items()
    }
