"""Classify, Regress and MultiInference on a model that has signatures for them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    inference_pb2,
    input_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from serving.devserver.models.repository import single_model
from tests.serving.running_server import Addresses, running_server

pytestmark = pytest.mark.integration


class Length(tf.Module):
    """Tells how long the feature `word` of an Example is, and whether that is long."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
    def classify(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        length = self._length(inputs)
        classes = tf.tile([["long", "short"]], [tf.size(length), 1])
        return {"classes": classes, "scores": tf.stack([length, 10 - length], 1)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
    def regress(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"outputs": self._length(inputs)}

    def _length(self, examples: tf.Tensor) -> tf.Tensor:
        word = tf.io.FixedLenFeature([], tf.string)
        return tf.cast(
            tf.strings.length(tf.io.parse_example(examples, {"word": word})["word"]), tf.float32
        )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    base: Path = tmp_path_factory.mktemp("length")
    model = Length()
    signatures = {"serving_default": model.classify, "length": model.regress}
    tf.saved_model.save(model, str(base / "1"), signatures)
    with running_server(single_model("m", str(base))) as addresses:
        yield addresses


def _example(word: str) -> tf.train.Example:
    example = tf.train.Example()
    example.features.feature["word"].bytes_list.value.append(word.encode())
    return example


_INPUT = input_pb2.Input(example_list={"examples": [_example("abc"), _example("abcdefgh")]})


def test_classify(
    stub: prediction_service_pb2_grpc.PredictionServiceStub, server: Addresses
) -> None:
    request = classification_pb2.ClassificationRequest(input=_INPUT)
    request.model_spec.name = "m"
    rows = stub.Classify(request).result.classifications
    expected = [[["long", 3.0], ["short", 7.0]], [["long", 8.0], ["short", 2.0]]]
    assert [[[c.label, c.score] for c in row.classes] for row in rows] == expected
    body = {"examples": [{"word": "abc"}, {"word": ["abcdefgh"]}]}
    answer = httpx.post(f"http://{server.rest}/v1/models/m:classify", json=body)
    assert answer.json() == {"results": expected}


def test_regress(
    stub: prediction_service_pb2_grpc.PredictionServiceStub, server: Addresses
) -> None:
    request = regression_pb2.RegressionRequest(input=_INPUT)
    request.model_spec.name = "m"
    request.model_spec.signature_name = "length"
    assert [r.value for r in stub.Regress(request).result.regressions] == [3.0, 8.0]
    body = {"signature_name": "length", "examples": [{"word": {"b64": "YWJj"}}]}
    answer = httpx.post(f"http://{server.rest}/v1/models/m:regress", json=body)
    assert answer.json() == {"results": [3.0]}


def test_a_context_is_part_of_every_example(server: Addresses) -> None:
    body = {"context": {"word": "abcd"}, "examples": [{}, {"other": 1}]}
    answer = httpx.post(
        f"http://{server.rest}/v1/models/m:regress", json={"signature_name": "length", **body}
    )
    assert answer.json() == {"results": [4.0, 4.0]}


def test_multi_inference(stub: prediction_service_pb2_grpc.PredictionServiceStub) -> None:
    request = inference_pb2.MultiInferenceRequest(input=_INPUT)
    for method, signature in (("classify", ""), ("regress", "length")):
        task = request.tasks.add(method_name=f"tensorflow/serving/{method}")
        task.model_spec.name = "m"
        task.model_spec.signature_name = signature
    classified, regressed = stub.MultiInference(request).results
    assert len(classified.classification_result.classifications) == 2
    values = [r.value for r in regressed.regression_result.regressions]
    np.testing.assert_array_equal(values, [3.0, 8.0])
    assert regressed.model_spec.signature_name == "length"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"examples": [5]}, "Example must be JSON object but got JSON Number"),
        ({"examples": [{"word": None}]}, "unexpected JSON type: Null"),
        ({"examples": [{"word": ["a", 1]}]}, "expecting type: bytes"),
        ({"examples": [{"word": 2**63}]}, "out of range"),
        ({"examples": [{"\ud800": 1}]}, "surrogate"),
        ({"examples": [{}]}, "word"),
        ({"examples": [{"word": "a"}], "signature_name": "none"}, "No signature was found"),
        (
            {"examples": [{"word": "a"}], "signature_name": "length"},
            "one or two|No classif|at least",
        ),
    ],
)
def test_a_wrong_question_is_refused(server: Addresses, body: dict, message: str) -> None:
    url = f"http://{server.rest}/v1/models/m:classify"
    answer = httpx.post(url, content=json.dumps(body))
    assert answer.status_code == 400
    assert re.search(message, answer.json()["error"])


def test_no_example_is_refused(stub: prediction_service_pb2_grpc.PredictionServiceStub) -> None:
    request = classification_pb2.ClassificationRequest()
    request.model_spec.name = "m"
    with pytest.raises(grpc.RpcError) as refused:
        stub.Classify(request)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.details() == "Input is empty."
