"""Joined or not, a request has the answer or the error that it has alone."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from mclrec_tf import MCLRec, SASRec
from mclrec_tf.export.saved_model import export_savedmodel
from serving.devserver import metrics
from serving.devserver.configuration.config_protos import BatchingParameters
from serving.devserver.models.repository import single_model
from serving.devserver.servables.batching import Batching, BatchingServable
from serving.devserver.servables.predict import predict
from serving.devserver.servables.servable import Servable
from serving.devserver.servables.tensor_proto import from_array, to_array
from serving.errors import ServingError
from tests.serving.conftest import ITEMS
from tests.serving.running_server import running_server
from tests.serving.stand_in import HISTORY_LENGTH, StandIn, write_export

_MINUTE = 60_000_000  # in microseconds


class Request(NamedTuple):
    """What `predict` is asked."""

    signature: str
    inputs: Mapping[str, np.ndarray]
    outputs: Sequence[str] = ()


def _batching(sizes: Sequence[int] = (), **parameters: int) -> Batching:
    return Batching(
        BatchingParameters(
            allowed_batch_sizes=sizes,
            **{name: {"value": value} for name, value in parameters.items()},
        )
    )


Load = Callable[..., BatchingServable]


@pytest.fixture
def load(base_path: Path) -> Iterator[Load]:
    """Loads the model of the tests, or another, so that requests are joined."""
    loaded = []

    def load(path: Path = base_path / "1", **parameters: Any) -> BatchingServable:
        loaded.append(BatchingServable("mclrec", 1, path, _batching(**parameters)))
        loaded[-1].start_joining()
        return loaded[-1]

    yield load
    for servable in loaded:
        servable.close()


@pytest.fixture(scope="module")
def batching_servables(base_path: Path) -> Iterator[list[BatchingServable]]:
    servables = [
        BatchingServable("mclrec", 1, base_path / "1", batching)
        for batching in (
            _batching(max_batch_size=4, batch_timeout_micros=5_000),
            _batching(sizes=[3, 8], max_batch_size=8, num_batch_threads=1),
            _batching(batch_timeout_micros=1_000, num_batch_threads=3),
        )
    ]
    for servable in servables:
        servable.start_joining()
    yield servables
    for servable in servables:
        servable.close()


def _answer(servable: Servable, request: Request) -> dict[str, np.ndarray] | tuple[str, str]:
    try:
        return predict(servable, *request)
    except ServingError as error:
        return error.code.name, error.message


def _answers(servable: Servable, requests: Sequence[Request]) -> list[Any]:
    """The answers to requests that come at the same time."""
    with ThreadPoolExecutor(len(requests)) as threads:
        return list(threads.map(lambda request: _answer(servable, request), requests))


def _assert_same(answer: Any, alone: Any) -> None:
    """Two errors are the same, or two answers are but for the rounding of floats."""
    assert type(answer) is type(alone)
    if isinstance(alone, tuple):
        assert answer == alone
        return
    assert answer.keys() == alone.keys()
    for name, array in alone.items():
        assert answer[name].dtype == array.dtype and answer[name].shape == array.shape
        if array.dtype == np.float32:
            _assert_close(answer[name], array)
        else:
            assert answer[name].tolist() == array.tolist()


def _runs() -> float:
    """How often TensorFlow has run without an error so far."""
    samples = (sample for metric in metrics.METRICS for sample in metric.collect()[0].samples)
    [runs] = [sample.value for sample in samples if sample.name.endswith("graph_runs_total")]
    return runs


def _strings(random: np.random.Generator, *shape: int) -> np.ndarray:
    return random.choice([b"", b"unknown", *(item.encode() for item in ITEMS)], shape).astype(
        object
    )


def _example(random: np.random.Generator) -> bytes:
    features = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=_strings(random, count)))
        for name, count in (("history", random.integers(1, 9)), ("target", 1))
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def _request(signature: str, seed: int, rows: int = 1, k: int = 5, width: int = 2) -> Request:
    """A request that is in order, its contents by chance."""
    random = np.random.default_rng(seed)
    if signature == "rank_examples":
        examples = np.array([_example(random) for _ in range(rows)], object)
        return Request(signature, {"examples": examples})
    inputs = {"history": _strings(random, rows, HISTORY_LENGTH)}
    if signature == "recommend":
        inputs |= {
            "exclude": _strings(random, rows, width),
            "k": np.full(rows, k, np.int32),
            "keep_seen": random.integers(0, 2, rows).astype(bool),
        }
    return Request(signature, inputs)


SIGNATURES = ["serving_default", "recommend", "rank_examples", "user_vector"]


@pytest.mark.parametrize("signature", SIGNATURES)
@pytest.mark.parametrize("sizes", [(), (4, 16)])
def test_requests_that_come_together_are_one_run(
    load: Load, servable: Servable, signature: str, sizes: Sequence[int]
) -> None:
    requests = [_request(signature, seed, rows) for seed, rows in enumerate((1, 3, 2, 1, 4))]
    alone = [_answer(servable, request) for request in requests]
    batched = load(max_batch_size=16, sizes=sizes, batch_timeout_micros=_MINUTE)
    before = _runs()
    requests.append(_request(signature, 9, 5))  # fills the batch
    alone.append(_answer(servable, requests[-1]))
    for answer, expected in zip(_answers(batched, requests), alone, strict=True):
        _assert_same(answer, expected)
    assert _runs() - before == 2  # one of them alone


def test_a_batch_is_filled_up_to_an_allowed_size(load: Load, servable: Servable) -> None:
    batched = load(max_batch_size=8, sizes=[8], batch_timeout_micros=_MINUTE)
    # Any two of these have room in a batch, and the third one ends the wait of those two.
    requests = [_request("serving_default", rows, rows) for rows in (3, 2, 4)]
    last = _request("serving_default", 8, 8)
    before = _runs()
    with ThreadPoolExecutor(3) as threads:
        answers = [threads.submit(_answer, batched, request) for request in requests]
        while sum(answer.done() for answer in answers) < 2:
            time.sleep(0.01)
        _assert_same(_answer(batched, last), _answer(servable, last))
    assert _runs() - before == 4  # two requests together, two alone, and one of the other model
    for answer, request in zip(answers, requests, strict=True):
        _assert_same(answer.result(), _answer(servable, request))


def test_a_bad_request_fails_alone(load: Load, servable: Servable) -> None:
    requests = [_request("rank_examples", seed) for seed in range(4)]
    requests[2] = Request("rank_examples", {"examples": np.array([b"no Example"], object)})
    batched = load(max_batch_size=4, batch_timeout_micros=_MINUTE)
    before = _runs()
    answers = _answers(batched, requests)
    assert _runs() - before == 3
    for answer, request in zip(answers, requests, strict=True):
        _assert_same(answer, _answer(servable, request))
    assert answers[2][0] == "INVALID_ARGUMENT"


def _change(request: Request, **inputs: np.ndarray) -> Request:
    return request._replace(inputs={**request.inputs, **inputs})


_RECOMMEND = _request("recommend", 0, rows=2)
_DEFAULT = _request("serving_default", 0, rows=2)
_NEVER_JOINED = {
    "another width": (_RECOMMEND, _request("recommend", 1, rows=2, width=3)),
    "another k": (_RECOMMEND, _request("recommend", 1, rows=2, k=6)),
    "other outputs": (_DEFAULT, _DEFAULT._replace(outputs=["scores"])),
    "no rows": (_DEFAULT, _request("serving_default", 1, rows=0)),
    "unequal rows": (_RECOMMEND, _change(_RECOMMEND, k=np.array([5], np.int32))),
    "another dtype": (_RECOMMEND, _change(_RECOMMEND, k=np.array([5, 5], np.int64))),
    "another rank": (_RECOMMEND, _change(_RECOMMEND, k=np.array([[5], [5]], np.int32))),
    "too narrow": (_DEFAULT, Request("serving_default", {"history": np.full((1, 49), b"a")})),
    "another signature": (_DEFAULT, _request("user_vector", 1, rows=2)),
}


@pytest.mark.parametrize("case", _NEVER_JOINED)
def test_what_could_change_an_answer_is_never_joined(
    load: Load, servable: Servable, case: str
) -> None:
    requests = _NEVER_JOINED[case]
    # Four rows fill a batch, so together they would be one run and be over at once.
    batched = load(max_batch_size=4, batch_timeout_micros=300_000)
    before = _runs()
    answers = _answers(batched, requests)
    alone = [_answer(servable, request) for request in requests]
    assert _runs() - before == 2 * sum(isinstance(answer, dict) for answer in alone)
    for answer, expected in zip(answers, alone, strict=True):
        _assert_same(answer, expected)


@st.composite
def _requests(draw: st.DrawFn) -> list[Request]:
    requests = []
    for _ in range(draw(st.integers(2, 8))):
        request = _request(
            draw(st.sampled_from([*SIGNATURES, "recommend"])),
            draw(st.integers(0, 2**32)),
            rows=draw(st.integers(1, 5)),
            k=draw(st.sampled_from([5, 5, 5, 100, 0])),
            width=draw(st.sampled_from([2, 2, 1, 0])),
        )
        name = draw(st.sampled_from(sorted(request.inputs)))
        array = request.inputs[name]
        fault = draw(st.sampled_from([*["none"] * 8, *_FAULTS]))
        if fault in _FAULTS:
            request = _change(request, **{name: _FAULTS[fault](array)})
        elif fault == "missing":
            request = request._replace(
                inputs={n: x for n, x in request.inputs.items() if n != name}
            )
        outputs = draw(st.sampled_from([(), (), (), ("scores",), ("scores", "item_ids")]))
        requests.append(request._replace(outputs=outputs))
    return requests


_FAULTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "rows": lambda array: array[:-1],
    "width": lambda array: array[..., :-1] if array.ndim > 1 else array[:, None],
    "dtype": lambda array: np.zeros(array.shape, np.float64),
    "content": lambda array: np.full_like(array, b"\xff" if array.dtype == object else 1),
}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2), _requests())
def test_answers_and_errors_are_those_of_each_alone(
    batching_servables: list[BatchingServable],
    servable: Servable,
    which: int,
    requests: list[Request],
) -> None:
    answers = _answers(batching_servables[which], requests)
    for answer, request in zip(answers, requests, strict=True):
        _assert_same(answer, _answer(servable, request))


def test_a_signature_that_is_not_of_the_contract_is_not_joined(load: Load, tmp_path: Path) -> None:
    """Here the rows do mix, which the shapes do not tell."""

    class Shares(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, name="x")])
        def __call__(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"y": x / tf.reduce_sum(x, 0)}

    module = Shares()
    tf.saved_model.save(
        module, str(tmp_path / "1"), signatures={"serving_default": module.__call__}
    )
    batched = load(tmp_path / "1", batch_timeout_micros=_MINUTE)
    requests = [
        Request("serving_default", {"x": np.full((2, 2), n, np.float32)}) for n in range(1, 7)
    ]
    for answer in _answers(batched, requests):
        assert answer["y"].tolist() == [[0.5, 0.5]] * 2


def test_outputs_without_a_row_for_each_of_the_inputs_are_found_out(
    load: Load, tmp_path: Path
) -> None:
    class OneVector(StandIn):
        def signatures(self) -> dict[str, Any]:
            history = tf.TensorSpec([None, HISTORY_LENGTH], tf.string, name="history")
            summed = tf.function(lambda history: {"vector": tf.reduce_sum(rows(history), 0)})

            def rows(history: tf.Tensor) -> tf.Tensor:
                return self.user_vector(history)["vector"]

            return {**super().signatures(), "user_vector": summed.get_concrete_function(history)}

    path = write_export(tmp_path / "1", ITEMS, model_type=OneVector)
    batched = load(path, max_batch_size=4, batch_timeout_micros=_MINUTE)
    alone = load(path)
    requests = [_request("user_vector", seed, rows=2) for seed in range(2)]
    for expected_runs in (3, 2):  # together in vain, and never again
        before = _runs()
        answers = _answers(batched, requests)
        assert _runs() - before == expected_runs
        for answer, request in zip(answers, requests, strict=True):
            _assert_same(answer, _answer(alone, request))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of the library's own model, its weights by chance."""
    model = MCLRec(SASRec(len(_CATALOGUE), dim=16))
    random = np.random.default_rng(0)
    for weight in model.encoder_weights:
        weight.assign(weight + random.normal(scale=0.2, size=weight.shape))
    path = tmp_path_factory.mktemp("exported") / "1"
    export_savedmodel(model, str(path), _CATALOGUE, k=50)
    return path


_CATALOGUE = [*ITEMS, *(f"more-{number}" for number in range(300))]


@pytest.mark.parametrize("signature", SIGNATURES)
def test_a_model_of_the_library_answers_alike_but_for_rounding(
    load: Load, exported: Path, signature: str
) -> None:
    batched = load(exported, max_batch_size=8, batch_timeout_micros=_MINUTE)
    alone = Servable("mclrec", 1, exported)
    requests = [_request(signature, seed, k=20) for seed in range(96)]
    before = _runs()
    answers: list[Any] = []
    for first in range(0, 96, 16):
        answers += _answers(batched, requests[first : first + 16])
    assert _runs() - before == 96 / 8
    for answer, request in zip(answers, requests, strict=True):
        _assert_alike(answer, _answer(alone, request))
    alone.close()


def _assert_alike(answer: Any, alone: Any) -> None:
    """Only items whose scores are the same but for rounding may change places."""
    for name, array in alone.items():
        if name.endswith("_rank"):
            assert np.abs(answer[name] - array).max() <= 1
        elif name == "item_ids":
            [ids], [its_ids], [its_scores] = answer[name], array, alone["scores"]
            score_of = dict(zip(its_ids, its_scores, strict=True))
            # An item that is new was as good as the last.
            _assert_close(np.array([score_of.get(x, its_scores[-1]) for x in ids]), its_scores)
        else:
            _assert_close(answer[name], array)


def _assert_close(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_a_full_queue_refuses(load: Load, servable: Servable) -> None:
    batched = load(max_batch_size=2, num_batch_threads=1, max_enqueued_batches=1)
    request = _request("serving_default", 0, rows=2)
    with ThreadPoolExecutor(2) as threads:
        with batched.batching.slots:
            running = [threads.submit(_answer, batched, request) for _ in range(2)]
            while not any(future.done() for future in running):
                time.sleep(0.01)
        refused, answer = sorted((future.result() for future in running), key=_is_answer)
    assert refused[0] == "UNAVAILABLE" and "max_enqueued_batches" in refused[1]
    _assert_same(answer, _answer(servable, request))


def _is_answer(answer: Any) -> bool:
    return isinstance(answer, dict)


@pytest.mark.integration
def test_a_caller_that_goes_away_does_no_harm(base_path: Path, servable: Servable) -> None:
    batching = BatchingParameters(
        max_batch_size={"value": 4}, batch_timeout_micros={"value": 10_000_000}
    )
    requests = [_request("serving_default", seed) for seed in range(4)]
    with (
        running_server(single_model("mclrec", str(base_path)), batching=batching) as server,
        grpc.insecure_channel(server.grpc) as channel,
    ):
        ask = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict
        first, *others = (_proto(request) for request in requests)
        with pytest.raises(grpc.RpcError, match="DEADLINE_EXCEEDED"):
            ask(first, timeout=1)  # leads a batch, and waits for others
        futures = [ask.future(other, timeout=120) for other in others]
        for future, request in zip(futures, requests[1:], strict=True):
            outputs = {name: to_array(proto) for name, proto in future.result().outputs.items()}
            _assert_same(outputs, _answer(servable, request))


def _proto(request: Request) -> predict_pb2.PredictRequest:
    proto = predict_pb2.PredictRequest()
    proto.model_spec.name = "mclrec"
    proto.model_spec.signature_name = request.signature
    for name, array in request.inputs.items():
        proto.inputs[name].CopyFrom(from_array(array))
    return proto


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"max_batch_size": {"value": 0}}, "max_batch_size is 0"),
        ({"batch_timeout_micros": {"value": -1}}, "batch_timeout_micros is -1"),
        ({"max_enqueued_batches": {"value": 0}}, "max_enqueued_batches is 0"),
        ({"num_batch_threads": {"value": 0}}, "num_batch_threads is 0"),
        ({"allowed_batch_sizes": [1, 4]}, "the largest batch, 1000"),
        ({"allowed_batch_sizes": [4, 1], "max_batch_size": {"value": 1}}, "have to rise"),
        ({"allowed_batch_sizes": [0, 1000]}, "have to rise"),
        ({"pad_variable_length_inputs": True}, "would change answers"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(parameters: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Batching(BatchingParameters(**parameters))
