"""The REST front of TF Serving, as an ASGI application."""

import json
import logging
import re
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_status_pb2,
    model_pb2,
    regression_pb2,
)

from serving import json_examples, json_predict, json_text
from serving.errors import ServableNotFound, ServingError, invalid_argument
from serving.inference import classify, regress
from serving.metadata import model_spec, signature_map
from serving.predict import DEFAULT_SIGNATURE, predict
from serving.repository import ModelRepository
from serving.servable import Servable

_API = re.compile(r"/v1/.*", re.IGNORECASE | re.DOTALL)
_NAMED_VERSION = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_QUESTION = re.compile(
    rf"/v1/models/(?P<name>[^/:]+){_NAMED_VERSION}:(?P<verb>classify|regress|predict)",
    re.IGNORECASE | re.ASCII,
)
_MODEL = re.compile(
    rf"/v1/models(?:/(?P<name>[^/:]+))?{_NAMED_VERSION}(?P<metadata>/metadata)?",
    re.IGNORECASE | re.ASCII,
)
_JSON = "application/json"
_NOT_FOUND_PAGE = (
    "<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD>"
    "<BODY>\n<H1>Not Found</H1>\n</BODY></HTML>\n"
)
_MAX_INT64 = 2**63 - 1

_log = logging.getLogger(__name__)


def rest_app(repository: ModelRepository, max_body_bytes: int) -> ASGIApp:
    """The application that answers for the models of a repository.

    Args:
        repository: The models.
        max_body_bytes: A larger body is refused with 413, also when it is larger only unpacked.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await _respond(request, repository, max_body_bytes)
        await response(scope, receive, send)

    return app


async def _respond(request: Request, repository: ModelRepository, max_body_bytes: int) -> Response:
    path = request.scope["raw_path"].decode("latin-1")
    if not _API.fullmatch(path):
        return Response(_NOT_FOUND_PAGE, 404, media_type="text/html")
    if request.method == "OPTIONS":
        from_browser = re.match("https?://", request.headers.get("origin", ""))
        return Response(b"", 200 if from_browser else 400, media_type="text/html")
    if request.scope["query_string"]:
        path += "?" + request.scope["query_string"].decode("latin-1")
    try:
        return Response(await _answer(request, path, repository, max_body_bytes), media_type=_JSON)
    except ClientDisconnect:
        return _error(499, "The client went away")
    except _BodyTooLarge:
        return _error(413, f"Request body is larger than {max_body_bytes} bytes")
    except ServingError as error:
        return _error(error.http_status, error.message)
    except Exception:
        _log.exception("%s %s failed", request.method, path)
        return _error(500, "Internal error")


async def _answer(
    request: Request, path: str, repository: ModelRepository, max_body_bytes: int
) -> bytes:
    body = await _read_body(request, max_body_bytes)
    if request.method == "POST" and (match := _QUESTION.fullmatch(path)):
        # TF Serving matches the path in any case but knows its verbs in lower case only.
        if (question := _QUESTIONS.get(match["verb"])) is not None:
            try:
                return await repository.call(_model_spec(match), question, body)
            except ServableNotFound:
                json_text.parse_question(body)  # TF Serving reads it before it looks for the model
                raise
    elif request.method == "GET" and (match := _MODEL.fullmatch(path)):
        if not match["name"]:
            raise invalid_argument("Missing model name in request.")
        if match["metadata"] == "/metadata":
            return await repository.call(_model_spec(match), _describe)
        statuses = get_model_status_pb2.GetModelStatusResponse(
            model_version_status=repository.statuses(_model_spec(match))
        )
        return json.dumps(_to_dict(statuses), indent=1).encode()
    raise invalid_argument(f"Malformed request: {request.method} {path}")


def _predict(servable: Servable, body: bytes) -> bytes:
    def inputs_of(name: str) -> json_predict.TensorInfos:
        name = name or DEFAULT_SIGNATURE
        if name not in servable.signatures:
            raise invalid_argument(f'Serving signature name: "{name}" not found in signature def')
        return servable.signatures[name].inputs

    question = json_predict.parse_request(body, inputs_of)
    outputs = predict(servable, question.signature_name, question.inputs)
    return json_predict.write_response(outputs, question.by_row)


def _classify(servable: Servable, body: bytes) -> bytes:
    signature_name, examples = json_examples.parse_request(body)
    response = classify(
        servable,
        classification_pb2.ClassificationRequest(
            model_spec=model_spec(servable, signature_name), input=examples
        ),
    )
    return json_examples.write_classifications(response.result)


def _regress(servable: Servable, body: bytes) -> bytes:
    signature_name, examples = json_examples.parse_request(body)
    response = regress(
        servable,
        regression_pb2.RegressionRequest(
            model_spec=model_spec(servable, signature_name), input=examples
        ),
    )
    return json_examples.write_regressions(response.result)


_QUESTIONS: dict[str, Callable[[Servable, bytes], bytes]] = {
    "predict": _predict,
    "classify": _classify,
    "regress": _regress,
}


def _describe(servable: Servable) -> bytes:
    document = {
        "model_spec": _to_dict(model_spec(servable)),
        "metadata": {"signature_def": _to_dict(signature_map(servable))},
    }
    return json.dumps(document, indent=1).encode()


def _model_spec(match: re.Match[str]) -> model_pb2.ModelSpec:
    spec = model_pb2.ModelSpec(name=unquote(match["name"]))
    if match["version"]:
        if len(match["version"]) > 19 or int(match["version"]) > _MAX_INT64:
            raise invalid_argument(f"Failed to convert version: {match['version']} to numeric.")
        spec.version.value = int(match["version"])
    elif match["label"]:
        spec.version_label = unquote(match["label"])
    return spec


class _BodyTooLarge(Exception):
    pass


async def _read_body(request: Request, max_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise _BodyTooLarge
    if "gzip" in request.headers.get("content-encoding", ""):
        return _unpack(bytes(body), max_bytes)
    return bytes(body)


def _unpack(packed: bytes, max_bytes: int) -> bytes:
    unpacking = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        body = unpacking.decompress(packed, max_bytes + 1)
    except zlib.error as error:
        raise invalid_argument(f"Request body is not gzip: {error}") from error
    if len(body) > max_bytes:
        raise _BodyTooLarge
    return body


def _error(status: int, message: str) -> Response:
    return Response(json.dumps({"error": message}), status, media_type=_JSON)


def _to_dict(message: Message) -> dict[str, Any]:
    return MessageToDict(
        message, preserving_proto_field_name=True, including_default_value_fields=True
    )
