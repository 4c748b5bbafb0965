"""Sends requests, right or wrong, and checks that the answers have TF Serving's form."""

import json
import re
from typing import Any

import grpc
import httpx
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from tests.serving.devserver.malformed_grpc import GrpcRequest
from tests.serving.devserver.malformed_rest import GOOD_BODIES, MODEL, RestRequest
from tests.serving.running_server import Addresses
from tests.serving.stand_in import HISTORY_LENGTH

TIMEOUT_SECONDS = 60
INSIDES = re.compile(r'Traceback|File "|\.py\b|<class |object at 0x')
"""What no answer may show."""

_CHECK_EVERY = 50
# TF Serving's kinds of success.
_ANSWERS = {"predictions", "outputs", "results", "model_version_status", "model_spec"}
_CODES = {
    *(grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND),
    grpc.StatusCode.FAILED_PRECONDITION,  # an unknown signature
    grpc.StatusCode.UNIMPLEMENTED,  # an unknown method
    grpc.StatusCode.OUT_OF_RANGE,  # the signature that only initialises a model
}


class Asker:
    """Sends requests of both kinds to one server and checks what comes back.

    Now and then it also asks something right, whose answer has to be what it was at first.

    Args:
        server: Where it answers.
    """

    def __init__(self, server: Addresses):
        self._http = httpx.Client(base_url=f"http://{server.rest}", timeout=TIMEOUT_SECONDS)
        self._channel = grpc.insecure_channel(server.grpc)
        self._sent = 0
        self._right = self._right_answers()

    def send_rest(self, request: RestRequest) -> None:
        response = self._http.request(
            request.method,
            "/",
            content=request.body,
            headers=request.headers,
            extensions={"target": request.path.encode()},  # as it is, without httpx's repairs
        )
        statuses = request.statuses
        if request.headers and "gzip" in request.headers.values():
            statuses = statuses | {400}
        assert response.status_code in statuses, response.text
        _check_body(request, response)
        self._count()

    def send_grpc(self, request: GrpcRequest) -> None:
        try:
            self._channel.unary_unary(request.method)(request.message, timeout=TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            assert error.code() in _CODES, f"{error.code()}: {error.details()}"
            assert not INSIDES.search(error.details() or ""), error.details()
        self._count()

    def check_answers(self) -> None:
        """The server answers right requests as it did before the wrong ones."""
        assert self._right_answers() == self._right

    def close(self) -> None:
        self._http.close()
        self._channel.close()

    def _count(self) -> None:
        self._sent += 1
        if self._sent % _CHECK_EVERY == 0:
            self.check_answers()

    def _right_answers(self) -> list[Any]:
        answers = []
        for body in GOOD_BODIES[:4]:
            response = self._http.post(f"/v1/models/{MODEL}:predict", content=body)
            assert response.status_code == 200, response.text
            answers.append(response.json())
        request = predict_pb2.PredictRequest()
        request.model_spec.name = MODEL
        request.inputs["history"].dtype = 7
        request.inputs["history"].string_val.extend([b""] * HISTORY_LENGTH)
        for size in (1, HISTORY_LENGTH):
            request.inputs["history"].tensor_shape.dim.add(size=size)
        stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        response = stub.Predict(request, timeout=TIMEOUT_SECONDS)
        answers.append({name: str(tensor) for name, tensor in response.outputs.items()})
        return answers


def _check_body(request: RestRequest, response: httpx.Response) -> None:
    is_api = request.path.lower().startswith("/v1/")
    if request.method == "HEAD":
        assert response.content == b""
    elif not is_api or request.method == "OPTIONS":
        assert response.status_code == (400 if is_api else 404)
        assert response.headers["content-type"].startswith("text/html")
    else:
        assert response.headers["content-type"] == "application/json"
        document = json.loads(response.content.decode("utf-8", "surrogateescape"))
        if response.status_code == 200:
            assert set(document) & _ANSWERS
        else:
            assert list(document) == ["error"] and document["error"]
            assert not INSIDES.search(document["error"]), document["error"]
