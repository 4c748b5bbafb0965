"""TF Serving's REST API."""

from __future__ import annotations

import base64
import json
from array import array
from typing import Any

import grpc

from serving.client.answers import ModelMetadata, ModelVersion, Signature, TensorSpec
from serving.client.contract import SIGNATURES, SignatureContract
from serving.client.credentials import Tls
from serving.client.drivers import Driver
from serving.client.http import HttpRequest, HttpResponse, NotHttp
from serving.client.predict_requests import Outputs, Question, text
from serving.client.target import Target
from serving.errors import ServingError, code_of_http_status

_OK, _NOT_FOUND = 200, 404
_SHOWN_CHARACTERS = 200


class RestTransport:
    """A Transport over HTTP, with tensors by column.

    Args:
        driver: Does the I/O.
        target: The model. A URL of https is asked with TLS also when `tls` is None.
        tls: None for an unencrypted connection.
    """

    def __init__(self, driver: Driver, target: Target, tls: Tls | None):
        base = target.base_url("https" if tls else "http")
        if base.startswith("https:"):
            tls = tls or Tls()
        elif tls:
            raise ValueError(f"address is {target.address!r}, but with tls its URL is of https")
        self._http = driver.http_pool(tls.ssl_context() if tls else None)
        self._predict = f"{base}{target.path()}:predict"
        self._metadata = f"{base}{target.path()}/metadata"
        every_version = target._replace(version=None, version_label=None)
        self._status = f"{base}{every_version.path()}"

    async def predict(self, question: Question, timeout: float) -> Outputs:
        request = HttpRequest("POST", self._predict, _body(question))
        outputs = (await self._ask(request, "outputs", timeout))["outputs"]
        return _outputs(SIGNATURES[question.signature_name], outputs)

    async def model_status(self, timeout: float) -> list[ModelVersion]:
        request = HttpRequest("GET", self._status, b"")
        statuses = (await self._ask(request, "model_version_status", timeout))[
            "model_version_status"
        ]
        return [
            ModelVersion(int(s["version"]), s["state"], s["status"]["error_message"])
            for s in statuses
        ]

    async def model_metadata(self, timeout: float) -> ModelMetadata:
        request = HttpRequest("GET", self._metadata, b"")
        document = await self._ask(request, "metadata", timeout)
        signatures = document["metadata"]["signature_def"]["signature_def"]
        return ModelMetadata(
            int(document["model_spec"]["version"]),
            {
                name: Signature(_specs(signature["inputs"]), _specs(signature["outputs"]))
                for name, signature in signatures.items()
            },
        )

    async def close(self) -> None:
        await self._http.close()

    async def _ask(self, request: HttpRequest, expected: str, timeout: float) -> dict[str, Any]:
        try:
            response = await self._http.request(request, timeout)
        except TimeoutError as error:
            raise ServingError(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded") from error
        except NotHttp as error:
            raise ServingError(
                grpc.StatusCode.UNIMPLEMENTED,
                "the port does not speak HTTP/1.1; is it the one for gRPC, or does it expect TLS? "
                f"({error})",
            ) from error
        except OSError as error:
            raise _connection_error(error) from error
        if response.status != _OK:
            expected = "error"
        document = _parse(response, expected)
        if response.status != _OK:
            raise ServingError(code_of_http_status(response.status), document["error"])
        return document


def _body(question: Question) -> bytes:
    document = {"signature_name": question.signature_name, "inputs": question.inputs}
    try:
        return json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # ids that are not UTF-8
        inputs = {name: _as_base64(rows) for name, rows in question.inputs.items()}
        return json.dumps({**document, "inputs": inputs}).encode()


def _as_base64(value: Any) -> Any:
    if isinstance(value, list):
        return [_as_base64(part) for part in value]
    if isinstance(value, str) and not value.isascii():
        return {"b64": base64.b64encode(value.encode("utf-8", "surrogateescape")).decode()}
    return value


def _outputs(contract: SignatureContract, outputs: Any) -> Outputs:
    if not isinstance(outputs, dict):  # TF Serving leaves the name of the only output out
        outputs = dict.fromkeys(contract.outputs, outputs)
    dtypes = {**contract.outputs, **contract.counts}
    return {
        name: _float32(name, rows) if dtypes[name] == "DT_FLOAT" else rows
        for name, rows in outputs.items()
        if name in dtypes
    }


def _float32(name: str, rows: Any) -> list[list[float]]:
    """The model's float32, which decimals give back exactly once they are rounded to it."""
    try:
        return [array("f", row).tolist() for row in rows]
    except (OverflowError, TypeError) as error:
        raise ServingError(
            grpc.StatusCode.INTERNAL, f"{name} of the answer holds no rows of numbers ({error})"
        ) from error


def _parse(response: HttpResponse, expected: str) -> dict[str, Any]:
    content = text(response.content)
    try:
        document = json.loads(content)
    except ValueError:
        document = None
    if isinstance(document, dict) and expected in document:
        return document
    code = code_of_http_status(response.status)
    if response.status in (_OK, _NOT_FOUND):
        code = grpc.StatusCode.UNIMPLEMENTED
    shown = content[:_SHOWN_CHARACTERS]
    raise ServingError(code, f"HTTP {response.status}, not TF Serving's: {shown!r}")


def _connection_error(error: OSError) -> ServingError:
    if "WRONG_VERSION_NUMBER" in str(error):
        return ServingError(grpc.StatusCode.UNIMPLEMENTED, f"the port does not speak TLS ({error})")
    return ServingError(grpc.StatusCode.UNAVAILABLE, str(error))


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
