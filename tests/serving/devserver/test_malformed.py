"""Whatever is sent: an answer of TF Serving's form, and a server that goes on giving right ones.

The requests are the same in every run. Others are made by `pytest --hypothesis-seed=N`.
"""

import base64
import json
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import predict_pb2

from pipeline.local_server import local_server, server_command
from tests.serving.client.asker import INSIDES, TIMEOUT_SECONDS, Asker
from tests.serving.devserver.malformed_grpc import GRPC_REQUESTS, PREDICTION, GrpcRequest
from tests.serving.devserver.malformed_rest import MODEL, REST_REQUESTS, RestRequest
from tests.serving.running_server import Addresses
from tests.serving.stand_in import HISTORY_LENGTH

pytestmark = pytest.mark.integration

_MOST_GROWTH_MIB = 64  # what the allocator keeps goes up and down by some of it


def _send_many(
    requests: st.SearchStrategy[Any],
    send: Callable[[Any], None],
    number: int,
    config: pytest.Config,
) -> None:
    test = settings(
        max_examples=number,
        derandomize=config.getoption("--hypothesis-seed") is None,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )(given(requests)(lambda request: send(request)))
    test()


@pytest.fixture
def asker(server: Addresses) -> Iterator[Asker]:
    asker = Asker(server)
    yield asker
    asker.close()


def test_rest_requests(asker: Asker, pytestconfig: pytest.Config) -> None:
    _send_many(REST_REQUESTS, asker.send_rest, 200, pytestconfig)
    asker.check_answers()


def test_grpc_requests(asker: Asker, pytestconfig: pytest.Config) -> None:
    _send_many(GRPC_REQUESTS, asker.send_grpc, 200, pytestconfig)
    asker.check_answers()


@pytest.mark.parametrize("port", ["rest", "grpc"])
@pytest.mark.parametrize(
    "sent",
    [
        b"\0" * 100,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # the beginning of TLS
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 64,
        b"GET\r\n\r\n",
        b"FOO /v1/models/mclrec HTTP/1.1\r\n\r\n",
        b"POST /v1/models/mclrec:predict HTTP/1.1\r\nContent-Length: -1\r\n\r\n{}",
        b"POST /v1/models/mclrec:predict HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"GET /v1/models/mclrec HTTP/1.1\r\n" + b"a: b\r\n" * 400_000 + b"\r\n",
        b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /v1/models/mclrec\xff\x00 HTTP/1.1\r\n\r\n",
    ],
)
def test_bytes_that_are_no_request(server: Addresses, asker: Asker, port: str, sent: bytes) -> None:
    answer = _answer_to_bytes(getattr(server, port), sent)
    if port == "rest" and answer:
        assert re.match(rb"HTTP/1\.1 4\d\d ", answer), answer
        assert not INSIDES.search(answer.decode("latin-1"))
    asker.check_answers()


def _answer_to_bytes(address: str, sent: bytes) -> bytes:
    """The beginning of what comes back; b"" when the server closes the connection instead."""
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=TIMEOUT_SECONDS) as connection:
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            return connection.recv(1000)
        except TimeoutError:
            raise
        except OSError:  # closed before all was sent or anything was read
            return b""


@pytest.mark.parametrize("example", [b"\xff", b"\x0a\x01", b"x" * 99])
def test_bytes_that_are_no_example_are_quoted_in_the_answer(asker: Asker, example: bytes) -> None:
    """TensorFlow's message quotes them, whether they are text or not."""
    code = base64.b64encode(example).decode()
    body = json.dumps({"signature_name": "rank_examples", "inputs": [{"b64": code}]}).encode()
    path = f"/v1/models/{MODEL}:predict"
    asker.send_rest(RestRequest("POST", path, body, {}, frozenset([400])))
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = MODEL, "rank_examples"
    request.inputs["examples"].CopyFrom(tf.make_tensor_proto([example]))
    asker.send_grpc(GrpcRequest(PREDICTION + "Predict", request.SerializeToString()))


@pytest.mark.parametrize("verb", ["predict", "classify", "regress"])
@pytest.mark.parametrize(
    "body",
    [
        b'{"examples": [{"\x80": 1}]}',
        b'{"examples": [{"\\ud800": 1}]}',
        b'{"signature_name": "\xff", "examples": [{"x": 1}], "inputs": [""]}',
        b'{"signature_name": "\\udfff", "examples": [{"x": 1}], "inputs": [""]}',
        b'{"inputs": {"\xff": 1}, "examples": [{"x": "\xff"}]}',
        b'{"instances": [{"\xff": 1}], "examples": [{"x": "\xff"}]}',
    ],
)
def test_names_that_are_no_text(asker: Asker, verb: str, body: bytes) -> None:
    path = f"/v1/models/{MODEL}:{verb}"
    asker.send_rest(RestRequest("POST", path, body, {}, frozenset([400])))


@pytest.mark.parametrize("dtype", [types_pb2.DT_STRING, types_pb2.DT_FLOAT, types_pb2.DT_HALF])
def test_a_small_message_does_not_become_a_large_tensor(asker: Asker, dtype: int) -> None:
    before = psutil.Process().memory_info().rss
    request = predict_pb2.PredictRequest()
    request.model_spec.name = MODEL
    tensor = request.inputs["history"]
    tensor.dtype = dtype
    tensor.string_val.append(b"x")
    for size in (2**20, HISTORY_LENGTH):
        tensor.tensor_shape.dim.add(size=size)
    asker.send_grpc(GrpcRequest(PREDICTION + "Predict", request.SerializeToString()))
    assert psutil.Process().memory_info().rss - before < 2**28


@pytest.mark.slow
@pytest.mark.parametrize("number", [10_000])
def test_many_requests_leave_memory_as_it_is(
    base_path: Path, number: int, pytestconfig: pytest.Config
) -> None:
    """Half of each kind, to a process that does nothing but serve."""
    with local_server(server_command(base_path)) as server:
        asker = Asker(Addresses(server.grpc, server.rest))
        process = psutil.Process(server.process.pid)
        for requests, send in (
            (REST_REQUESTS, asker.send_rest),
            (GRPC_REQUESTS, asker.send_grpc),
        ):
            sizes: list[int] = []

            def send_and_measure(
                request: Any, send: Callable[[Any], None] = send, sizes: list[int] = sizes
            ) -> None:
                send(request)
                sizes.append(process.memory_info().rss)

            _send_many(requests, send_and_measure, number // 2, pytestconfig)
            asker.check_answers()
            settled = [max(part) / 2**20 for part in np.array_split(sizes, 10)]
            print(f"MiB, the most in each tenth of the requests: {np.round(settled)}")
            assert settled[-1] - settled[2] < _MOST_GROWTH_MIB, settled
        asker.close()
