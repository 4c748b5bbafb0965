"""The REST front of TF Serving, as an ASGI application."""

import asyncio
import functools
import json
import logging
import re
import time
from collections.abc import Callable
from urllib.parse import unquote

import grpc
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from tensorflow_serving.apis import model_pb2

from serving.devserver import metrics
from serving.devserver.limits import Limits
from serving.devserver.metrics_page import CONTENT_TYPE, MetricsPage
from serving.devserver.models.repository import ModelRepository
from serving.devserver.request_pool import RequestPool
from serving.devserver.rest_api import answers, json_predict
from serving.devserver.rest_api.request_body import read_body
from serving.devserver.servables.servable import Servable
from serving.errors import Refused, ServableNotFound, ServingError, invalid_argument

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
_PREFLIGHT = {"content-type": "text/html; charset=ISO-8859-1"}
_NOT_FOUND_PAGE = (
    "<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD>"
    "<BODY>\n<H1>Not Found</H1>\n</BODY></HTML>\n"
)
_MAX_INT64 = 2**63 - 1

_log = logging.getLogger(__name__)


class RestApp:
    """The application that answers for the models of a repository.

    Args:
        repository: The models.
        pool: That they answer in; where it is full, a question is refused before its body is read.
        limits: On the size of a body, of an answer, and on the time that it takes.
        metrics_path: Where the metrics are; None for nowhere.
    """

    def __init__(
        self,
        repository: ModelRepository,
        pool: RequestPool,
        limits: Limits,
        metrics_path: str | None = None,
    ):
        self._repository = repository
        self._pool = pool
        self._questions: dict[str, Callable[[Servable, bytes], bytes]] = {
            "predict": functools.partial(answers.predict, check_inputs=limits.check_answer),
            "classify": answers.examples,
            "regress": answers.examples,
        }
        self._limits = limits
        self._metrics_path = metrics_path
        self._metrics_page = MetricsPage(repository, pool)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        path = scope["raw_path"].decode("latin-1")
        if path == self._metrics_path:
            response = Response(self._metrics_page.text(), media_type=CONTENT_TYPE)
        elif _API.fullmatch(path):
            response = await self._respond(request, path)
        else:
            response = Response(_NOT_FOUND_PAGE, 404, {"content-type": "text/html"})
        await response(scope, receive, send)

    async def _respond(self, request: Request, path: str) -> Response:
        started = time.perf_counter()
        if request.scope["query_string"]:
            path += "?" + request.scope["query_string"].decode("latin-1")
        pattern = {"POST": _QUESTION, "GET": _MODEL}.get(request.method)
        match = pattern.fullmatch(path) if pattern else None
        code = grpc.StatusCode.OK
        try:
            if request.method == "OPTIONS":
                if not re.match("https?://", request.headers.get("origin", "")):
                    code = grpc.StatusCode.FAILED_PRECONDITION
                return Response(b"", 400 if code.value[0] else 200, _PREFLIGHT)
            if match is None:
                raise invalid_argument(f"Malformed request: {request.method} {path}")
            answer = self._question if request.method == "POST" else self._description
            return Response(await answer(request, match), media_type=_JSON)
        except ClientDisconnect:
            code = grpc.StatusCode.CANCELLED
            return _error(499, "The client went away")
        except ServingError as error:
            code = error.code
            if isinstance(error, Refused):
                metrics.count_refusal(error.reason)
            return _error(error.http_status, error.message)
        except asyncio.CancelledError:  # by a server that stops and has waited long enough
            code = grpc.StatusCode.UNAVAILABLE
            return _error(503, "The server is shutting down.")
        except Exception:
            code = grpc.StatusCode.INTERNAL
            _log.exception("%s %s failed", request.method, path)
            return _error(500, "Internal error")
        finally:
            name = self._repository.known_name(_model_name(match)) if match else ""
            api = match["verb"] if match and match.re is _QUESTION else ""
            metrics.count_request(name, api, "REST", code.name, time.perf_counter() - started)

    async def _question(self, request: Request, match: re.Match[str]) -> bytes:
        # TF Serving matches the path in any case but knows its verbs in lower case only.
        question = self._questions.get(match["verb"])
        if question is None:
            raise invalid_argument(f"Malformed request: {request.method} {match[0]}")
        self._pool.check()
        body = await read_body(request, self._limits.max_request_bytes)
        try:
            answer = self._repository.call(_model_spec(match), question, body)
            return await asyncio.wait_for(answer, self._limits.rest_timeout_seconds)
        except ServableNotFound:
            # TF Serving reads the body before it looks for the model.
            is_predict = match["verb"] == "predict"
            read = json_predict.parse_object if is_predict else answers.check_examples
            await self._pool.run(read, body)
            raise
        except asyncio.TimeoutError:
            raise ServingError(
                grpc.StatusCode.DEADLINE_EXCEEDED,
                f"The request took longer than {self._limits.rest_timeout_seconds:g} s",
            ) from None

    async def _description(self, request: Request, match: re.Match[str]) -> bytes:
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


def _error(status: int, message: str) -> Response:
    return Response(json.dumps({"error": message}), status, media_type=_JSON)
