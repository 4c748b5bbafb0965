"""Predict requests over gRPC and REST that are serialised once, so that they cost little CPU."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.load_loops import OK
from serving.export_contract import HISTORY_LENGTH

PROTOCOLS = ("grpc", "rest")
History = Sequence[str]


class Reply(NamedTuple):
    """The outcome of a request, `OK` or a code, and the body of the answer or of the error."""

    code: str
    body: bytes


class Ranking(NamedTuple):
    """The answer to one history: items and their scores, highest score first."""

    item_ids: list[str]
    scores: list[float]

    def equals(self, other: Ranking) -> bool:
        """Whether another answer is the same up to the digits that REST rounds to."""
        return self.item_ids == other.item_ids and np.allclose(
            self.scores, other.scores, rtol=1e-5, atol=1e-6
        )


class Calls(NamedTuple):
    """Requests to one server.

    Attributes:
        reply: Sends one history to `serving_default`: request n has history n modulo their number.
        status: Requests the states of the model's versions, for which the model does not run.
    """

    reply: Callable[[int], Awaitable[Reply]]
    status: Callable[[], Awaitable[Reply]]

    async def ask(self, number: int) -> str:
        """Sends the history of a number; returns the outcome."""
        return (await self.reply(number)).code

    async def ask_status(self, number: int) -> str:
        """Requests the states of the model's versions; returns the outcome."""
        return (await self.status()).code


def history_array(history: History) -> np.ndarray:
    """The input `history` of one row: bytes `[1, 50]`, padded with b"" at the end."""
    recent = history[-HISTORY_LENGTH:]
    array = np.full((1, HISTORY_LENGTH), b"", dtype=object)
    array[0, : len(recent)] = [item.encode() for item in recent]
    return array


def open_calls(
    protocol: str, address: str, model_name: str, histories: Sequence[History], timeout: float = 10
) -> contextlib.AbstractAsyncContextManager[Calls]:
    """Connects to a server.

    Args:
        protocol: One of `PROTOCOLS`.
        address: Host and port, as `host:port`.
        model_name: Name of the model on the server.
        histories: The histories of the requests.
        timeout: Seconds after which a request fails.
    """
    return {"grpc": _grpc_calls, "rest": _rest_calls}[protocol](
        address, model_name, histories, timeout
    )


@contextlib.asynccontextmanager
async def _grpc_calls(
    address: str, model_name: str, histories: Sequence[History], timeout: float
) -> AsyncIterator[Calls]:
    import grpc
    from tensorflow import make_tensor_proto
    from tensorflow_serving.apis import get_model_status_pb2, predict_pb2

    about = get_model_status_pb2.GetModelStatusRequest()
    about.model_spec.name = model_name
    requests = []
    for history in histories:
        request = predict_pb2.PredictRequest()
        request.model_spec.name = model_name
        request.inputs["history"].CopyFrom(make_tensor_proto(history_array(history)))
        requests.append(request.SerializeToString())
    options = [("grpc.max_receive_message_length", -1), ("grpc.enable_http_proxy", 0)]
    async with grpc.aio.insecure_channel(address, options) as channel:
        predict = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        get_status = channel.unary_unary("/tensorflow.serving.ModelService/GetModelStatus")

        async def send(method: grpc.aio.UnaryUnaryMultiCallable, request: bytes) -> Reply:
            try:
                return Reply(OK, await method(request, timeout=timeout))
            except grpc.aio.AioRpcError as error:
                return Reply(error.code().name, (error.details() or "").encode())

        yield Calls(
            lambda number: send(predict, requests[number % len(requests)]),
            lambda: send(get_status, about.SerializeToString()),
        )


@contextlib.asynccontextmanager
async def _rest_calls(
    address: str, model_name: str, histories: Sequence[History], timeout: float
) -> AsyncIterator[Calls]:
    import aiohttp

    url = f"http://{address}/v1/models/{model_name}"
    requests = [
        json.dumps({"inputs": [[item.decode() for item in history_array(history)[0]]]}).encode()
        for history in histories
    ]
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=timeout)
    ) as session:

        async def send(method: str, url: str, body: bytes | None = None) -> Reply:
            try:
                async with session.request(method, url, data=body) as response:
                    code = OK if response.status == 200 else f"HTTP {response.status}"
                    return Reply(code, await response.read())
            except asyncio.TimeoutError:
                return Reply("timeout", b"")
            except aiohttp.ClientError as error:
                return Reply(type(error).__name__, str(error).encode())

        yield Calls(
            lambda number: send("POST", f"{url}:predict", requests[number % len(requests)]),
            lambda: send("GET", url),
        )


def ranking_of(reply: Reply) -> Ranking:
    """The answer in a reply of either protocol.

    Raises:
        ValueError: The reply is an error.
    """
    if reply.code != OK:
        raise ValueError(f"{reply.code}: {reply.body.decode(errors='replace')}")
    if reply.body.startswith(b"{"):
        outputs = json.loads(reply.body.decode("utf-8", "surrogateescape"))["outputs"]
        return Ranking(outputs["item_ids"][0], outputs["scores"][0])
    from tensorflow_serving.apis import predict_pb2

    tensors = predict_pb2.PredictResponse.FromString(reply.body).outputs
    names = [item.decode("utf-8", "surrogateescape") for item in tensors["item_ids"].string_val]
    return Ranking(names, list(tensors["scores"].float_val))
