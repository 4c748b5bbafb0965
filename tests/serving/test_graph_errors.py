"""What does not fit a signature of an export is named in the answer of a server, however asked."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import httpx
import keras
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from mclrec_tf import MCLRec, SASRec
from mclrec_tf.export.saved_model import export_savedmodel
from serving.client import RecommendationClient
from serving.devserver.models.repository import single_model
from tests.serving.running_server import Addresses, running_server

pytestmark = pytest.mark.integration

_ITEMS = [f"item-{number}" for number in range(30)]
_HISTORY = [["item-1", *[""] * 49]]
_OPTIONS = {"history": _HISTORY, "exclude": [[""]], "k": [3], "keep_seen": [False]}
_GOOD: dict[str, dict[str, Any]] = {
    "recommend": _OPTIONS,
    "recommend_among": {**_OPTIONS, "candidates": [["item-2"]], "candidate_set": [""]},
    "similar_items": {"item": ["item-1"], "k": [3]},
}
# A signature, what is wrong with its inputs, and what the answer says.
_WRONG: list[tuple[str, dict[str, Any], str]] = [
    *(
        (signature, {"history": history}, message)
        for signature in ("serving_default", "recommend", "user_vector")
        for history, message in (
            (_HISTORY[0], "history must have the shape [batch, 50], got] [50]"),
            ([["item-1"] * 51], "history must have the shape [batch, 50], got] [1 51]"),
            ([_HISTORY], "history must have the shape [batch, 50], got] [1 1 50]"),
            ("item-1", "history must have the shape [batch, 50], got] []"),
            ([[7] * 50], "(?i)input history"),
        )
    ),
    ("recommend", {"k": [0]}, "k must be at least 1, got] [0]"),
    ("recommend", {"k": [-2]}, "k must be at least 1, got] [-2]"),
    ("recommend", {"k": 3}, "k must have the shape [batch], got] []"),
    ("recommend", {"k": [[3]]}, "k must have the shape [batch], got] [1 1]"),
    (
        "recommend",
        {"k": [3, 3]},
        "k must have the shape [batch], got] [2] [and history of the shape] [1 50]",
    ),
    ("recommend", {"k": [2.5]}, "(?i)input k"),
    ("recommend", {"exclude": ["a"]}, "exclude must have the shape [batch, items], got] [1]"),
    ("recommend", {"exclude": ""}, "exclude must have the shape [batch, items], got] []"),
    (
        "recommend",
        {"exclude": [["a"], ["b"]]},
        "exclude must have the shape [batch, items], got] [2 1] [and history of the shape] [1 50]",
    ),
    ("recommend", {"keep_seen": True}, "keep_seen must have the shape [batch], got] []"),
    ("recommend", {"keep_seen": [True, False]}, "keep_seen must have the shape [batch], got] [2]"),
    ("recommend", {"keep_seen": [1]}, "(?i)input keep_seen"),
    ("recommend", {"k": None}, "k"),
    (
        "recommend_among",
        {"candidates": ["a"]},
        "candidates must have the shape [batch, items], got] [1]",
    ),
    (
        "recommend_among",
        {"candidates": [["a"], ["b"]]},
        "candidates must have the shape [batch, items], got] [2 1] [and history of the shape] "
        "[1 50]",
    ),
    (
        "recommend_among",
        {"candidate_set": "new"},
        "candidate_set must have the shape [batch], got] []",
    ),
    (
        "recommend_among",
        {"candidate_set": ["new"]},
        "candidate_set must be an item set of the export, got] [new] [and the export has] []",
    ),
    ("recommend_among", {"history": [["item-1"] * 51]}, "history must have the shape [batch, 50]"),
    ("recommend_among", {"k": [0]}, "k must be at least 1, got] [0]"),
    ("recommend_among", {"candidates": None}, "candidates"),
    ("similar_items", {"item": [["a"]]}, "item must have the shape [batch], got] [1 1]"),
    ("similar_items", {"item": "a"}, "item must have the shape [batch], got] []"),
    (
        "similar_items",
        {"k": [3, 3]},
        "k must have the shape [batch], got] [2] [and item of the shape] [1]",
    ),
    ("similar_items", {"k": [0]}, "k must be at least 1, got] [0]"),
    ("similar_items", {"k": None}, "k"),
    ("rank_examples", {"examples": [["a"]]}, "examples must have the shape [batch], got] [1 1]"),
    ("rank_examples", {"examples": "a"}, "examples must have the shape [batch], got] []"),
    ("rank_examples", {"examples": [7]}, "(?i)input examples"),
]


@pytest.fixture(scope="module")
def base_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("named") / "mclrec"
    keras.utils.set_random_seed(0)
    model = MCLRec(SASRec(len(_ITEMS), dim=8, num_layers=1))
    model(tf.ones([1, 3], tf.int32))
    export_savedmodel(model, path / "1", _ITEMS)
    return path


@pytest.fixture(scope="module")
def server(base_path: Path) -> Iterator[Addresses]:
    with running_server(single_model("mclrec", base_path)) as addresses:
        yield addresses


def _inputs(signature: str, wrong: dict[str, Any]) -> dict[str, Any]:
    inputs = {**_GOOD.get(signature, {}), **wrong}
    return {name: value for name, value in inputs.items() if value is not None}


def _over_rest(server: Addresses, signature: str, inputs: dict[str, Any]) -> str:
    answer = httpx.post(
        f"http://{server.rest}/v1/models/mclrec:predict",
        content=json.dumps({"signature_name": signature, "inputs": inputs}),
    )
    assert answer.status_code == 400
    return answer.json()["error"]


def _over_grpc(server: Addresses, signature: str, inputs: dict[str, Any]) -> str:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "mclrec"
    request.model_spec.signature_name = signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    with (
        grpc.insecure_channel(server.grpc) as channel,
        pytest.raises(grpc.RpcError) as refused,
    ):
        prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=60)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    return refused.value.details()


@pytest.mark.parametrize("ask", [_over_rest, _over_grpc])
@pytest.mark.parametrize(("signature", "wrong", "message"), _WRONG)
def test_the_input_is_named(
    server: Addresses, ask: Any, signature: str, wrong: dict[str, Any], message: str
) -> None:
    error = ask(server, signature, _inputs(signature, wrong))
    pattern = message if message.startswith("(?i)") else re.escape(message)
    assert re.search(pattern, error), error


def test_a_narrower_history_is_answered_alike(server: Addresses) -> None:
    def ask(history: list[str]) -> dict[str, list]:
        body = {"inputs": {"history": [history, history]}}
        answer = httpx.post(f"http://{server.rest}/v1/models/mclrec:predict", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["outputs"]

    wide, narrow = ask(["item-3", "item-9", *[""] * 48]), ask(["item-3", "item-9"])
    assert wide["known_items"] == narrow["known_items"] == [2, 2]
    assert wide["item_ids"] == narrow["item_ids"]


def test_a_wrong_request_fails_alone(server: Addresses) -> None:
    """Also among others at the same time."""
    with (
        RecommendationClient(server.grpc, timeout=60) as client,
        ThreadPoolExecutor(16) as threads,
    ):
        wrong = threads.map(
            lambda k: _over_grpc(server, "recommend", _inputs("recommend", {"k": [k]})),
            [0, -1] * 10,
        )
        right = threads.map(lambda item: client.recommend([item], k=3, keep_seen=True), _ITEMS[:20])
        assert all("k must be at least 1" in message for message in wrong)
        answers = list(right)
        expected = client.recommend_batch([[item] for item in _ITEMS[:20]], k=3, keep_seen=True)
        assert [answer.known_items for answer in answers] == [1] * 20
        for answer, alone in zip(answers, expected, strict=True):
            assert [item for item, _ in answer] == [item for item, _ in alone]
