"""The REST API of TF Serving, as an ASGI application."""

import asyncio
import functools
import json
import re
from collections.abc import Callable
from urllib.parse import unquote

import grpc
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from tensorflow_serving.apis import model_pb2

from serving.devserver import metrics
from serving.devserver.limits import Limits
from serving.devserver.models.repository import ModelRepository
from serving.devserver.request_outcome import request_outcome
from serving.devserver.request_pool import RequestPool
from serving.devserver.rest_api import answers, json_predict
from serving.devserver.rest_api.request_body import read_body
from serving.devserver.servables.servable import Servable
from serving.errors import ServableNotFound, ServingError, invalid_argument

_API = re.compile(r"/v1/.*", re.IGNORECASE | re.DOTALL)
_NAMED_VERSION = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_INFERENCE = re.compile(
    rf"/v1/models/(?P<name>[^/:]+){_NAMED_VERSION}:(?P<verb>classify|regress|predict)",
    re.IGNORECASE | re.ASCII,
)
_MODEL = re.compile(
    rf"/v1/models(?:/(?P<name>[^/:]+))?{_NAMED_VERSION}(?P<metadata>/metadata)?",
    re.IGNORECASE | re.ASCII,
)
_JSON = "application/json"
_PREFLIGHT = {"content-type": "text/html; charset=ISO-8859-1"}
_NOT_FOUND_PAGE = (
    "<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD>"
    "<BODY>\n<H1>Not Found</H1>\n</BODY></HTML>\n"
)
_MAX_INT64 = 2**63 - 1


class RestApp:
    """The application that answers for the models of a repository.

    Args:
        repository: The models.
        pool: The threads that answer.
        limits: The limits of a request.
    """

    def __init__(self, repository: ModelRepository, pool: RequestPool, limits: Limits):
        self._repository = repository
        self._pool = pool
        self._limits = limits
        self._answers: dict[str, Callable[[Servable, bytes], bytes]] = {
            "predict": functools.partial(
                answers.predict,
                check_inputs=limits.check_inputs,
                request_log=repository.request_log,
            ),
            "classify": answers.refuse_examples,
            "regress": answers.refuse_examples,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        path = scope["raw_path"].decode("latin-1")
        if path == metrics.PATH:
            response = Response(metrics.page(), media_type=metrics.CONTENT_TYPE)
        elif not _API.fullmatch(path):
            response = Response(_NOT_FOUND_PAGE, 404, {"content-type": "text/html"})
        elif request.method == "OPTIONS":
            is_cors = re.match("https?://", request.headers.get("origin", ""))
            response = Response(b"", 200 if is_cors else 400, _PREFLIGHT)
        else:
            if scope["query_string"]:
                path += "?" + scope["query_string"].decode("latin-1")
            response = await self._respond(request, path)
        await response(scope, receive, send)

    async def _respond(self, request: Request, path: str) -> Response:
        pattern = {"POST": _INFERENCE, "GET": _MODEL}.get(request.method)
        match = pattern.fullmatch(path) if pattern else None
        verb = match["verb"] if match and pattern is _INFERENCE else ""
        name = self._repository.known_name(_model_name(match)) if match else ""
        try:
            with request_outcome("REST", verb, name):
                # TF Serving matches the path in any case but knows its verbs in lower case only.
                if match is None or (verb and verb not in self._answers):
                    raise invalid_argument(f"Malformed request: {request.method} {path}")
                body = await self._infer(request, match) if verb else self._describe(match)
                return Response(body, media_type=_JSON)
        except ServingError as error:
            body = json.dumps({"error": error.message}).encode()
            return Response(body, error.http_status, media_type=_JSON)

    async def _infer(self, request: Request, match: re.Match[str]) -> bytes:
        seconds = self._limits.rest_timeout_seconds
        try:
            return await asyncio.wait_for(self._answer(request, match), seconds)
        except asyncio.TimeoutError:
            raise ServingError(
                grpc.StatusCode.DEADLINE_EXCEEDED, f"The request took longer than {seconds:g} s"
            ) from None

    async def _answer(self, request: Request, match: re.Match[str]) -> bytes:
        body = await read_body(request, self._limits.max_request_bytes)
        try:
            answer = self._answers[match["verb"]]
            return await self._repository.call(_model_spec(match), answer, body)
        except ServableNotFound:
            # TF Serving reads the body before it looks for the model.
            is_predict = match["verb"] == "predict"
            read = json_predict.parse_object if is_predict else answers.check_examples
            await self._pool.submit(read, body)
            raise

    def _describe(self, match: re.Match[str]) -> bytes:
        if not match["name"]:
            raise invalid_argument("Missing model name in request.")
        spec = _model_spec(match)
        if match["metadata"] == "/metadata":  # in lower case only, too
            return answers.metadata(self._repository.servable(spec))
        return answers.status(self._repository.statuses(spec))


def _model_spec(match: re.Match[str]) -> model_pb2.ModelSpec:
    spec = model_pb2.ModelSpec(name=_model_name(match))
    if match["version"]:
        if len(match["version"]) > 19 or int(match["version"]) > _MAX_INT64:
            raise invalid_argument(f"Failed to convert version: {match['version']} to numeric.")
        spec.version.value = int(match["version"])
    elif match["label"]:
        spec.version_label = unquote(match["label"])
    return spec


def _model_name(match: re.Match[str]) -> str:
    return unquote(match["name"] or "")
