"""The page that Prometheus reads: true counts under TF Serving's names."""

import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    prediction_service_pb2_grpc,
)

from serving.devserver import metrics
from serving.devserver.models.repository import single_model
from tests.serving.conftest import ITEMS
from tests.serving.devserver.patient import history, predict_request
from tests.serving.running_server import Addresses, running_server

pytestmark = pytest.mark.integration

_MODEL = "measured"
_TIMEOUT = 60
_SERVING = ":tensorflow:serving:"

# By the name of a metric: its type and its labels, as TF Serving 2.20 has them.
_OF_TF_SERVING = {
    f"{_SERVING}request_count": ("counter", {"model_name", "status"}),
    f"{_SERVING}request_latency": ("histogram", {"model_name", "API", "entrypoint"}),
    f"{_SERVING}runtime_latency": ("histogram", {"model_name", "API", "runtime"}),
}

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Page:
    """What a server shows.

    Args:
        rest: To ask it.
    """

    def __init__(self, rest: httpx.Client):
        answer = rest.get(metrics.PATH)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain")
        self.text = answer.text
        self.families = {f.name: f for f in text_string_to_metric_families(answer.text)}
        self.samples = {
            (_name(sample), frozenset(sample.labels.items())): sample.value
            for family in self.families.values()
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float:
        return self.samples.get((name, frozenset(labels.items())), 0)


@pytest.fixture(scope="module")
def server(base_path: Path) -> Iterator[Addresses]:
    with running_server(single_model(_MODEL, str(base_path))) as addresses:
        yield addresses


def test_the_counts_are_true_after_known_traffic(
    rest: httpx.Client, stub: prediction_service_pb2_grpc.PredictionServiceStub
) -> None:
    before = Page(rest)
    body = {"inputs": history(ITEMS[0])}
    for _ in range(3):
        assert rest.post(f"/v1/models/{_MODEL}:predict", json=body).status_code == 200
    assert rest.post(f"/v1/models/{_MODEL}:predict", content="{").status_code == 400
    assert rest.get(f"/v1/models/{_MODEL}").status_code == 200
    started = time.perf_counter()
    for _ in range(5):
        stub.Predict(predict_request(_MODEL, history()), timeout=_TIMEOUT)
    micros = (time.perf_counter() - started) * 1e6
    wrong = predict_request(_MODEL, history())
    for wrong.model_spec.signature_name in ("recommend", "none"):
        with pytest.raises(grpc.RpcError):
            stub.Predict(wrong, timeout=_TIMEOUT)
    metadata = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    metadata.model_spec.name = _MODEL
    stub.GetModelMetadata(metadata, timeout=_TIMEOUT)  # not counted, as in TF Serving
    after = Page(rest)

    def more(name: str, **labels: str) -> float:
        return after.value(name, **labels) - before.value(name, **labels)

    def requests(status: str) -> float:
        return more(f"{_SERVING}request_count", model_name=_MODEL, status=status)

    assert requests("OK") == 3 + 1 + 5
    assert requests("INVALID_ARGUMENT") == 1 + 1
    assert requests("FAILED_PRECONDITION") == 1
    over_rest = {"model_name": _MODEL, "API": "predict", "entrypoint": "REST"}
    over_grpc = {"model_name": _MODEL, "API": "Predict", "entrypoint": "GRPC"}
    assert more(f"{_SERVING}request_latency_count", **over_rest) == 3
    assert more(f"{_SERVING}request_latency_count", **over_grpc) == 5
    assert 0 < more(f"{_SERVING}request_latency_sum", **over_grpc) < micros
    assert more(f"{_SERVING}request_latency_bucket", **over_grpc, le="+Inf") == 5
    runs = {"model_name": _MODEL, "API": "Predict", "runtime": "TF1"}
    assert more(f"{_SERVING}runtime_latency_count", **runs) == 3 + 5


def test_names_types_and_labels_are_those_of_tf_serving(rest: httpx.Client) -> None:
    rest.post(f"/v1/models/{_MODEL}:predict", json={"inputs": history()})
    page = Page(rest)
    for name, (kind, labels) in _OF_TF_SERVING.items():
        assert f"# TYPE {name} {kind}\n" in page.text
        found = [s for family in page.families.values() for s in family.samples if name in s.name]
        assert found, name
        assert {frozenset(sample.labels) - {"le"} for sample in found} == {frozenset(labels)}
    # 10 µs times 1.8 to the power of 0 to 32, as TF Serving prints them.
    limits = [
        float(dict(labels)["le"])
        for name, labels in page.samples
        if name == f"{_SERVING}request_latency_bucket" and ("entrypoint", "REST") in labels
    ]
    assert {10.0, 18.0, 32.4, 708235.0, float("inf")} <= set(limits)


def test_names_from_outside_make_no_series(
    rest: httpx.Client, stub: prediction_service_pb2_grpc.PredictionServiceStub
) -> None:
    def ask(number: int) -> None:
        name = f"hostile-{number}"
        rest.post(f"/v1/models/{name}:predict", json={"inputs": history()})
        rest.post(f"/v1/models/{_MODEL}/labels/{name}:predict", json={"inputs": history()})
        rest.post(f"/v1/models/{_MODEL}:{name}", json={})
        rest.get(f"/v1/models/{name}")
        rest.request(name.upper(), "/v1/models")
        request = predict_request(name, history())
        for request.model_spec.name in (name, _MODEL):
            request.model_spec.signature_name = name
            with pytest.raises(grpc.RpcError):
                stub.Predict(request, timeout=_TIMEOUT)

    ask(0)
    before = Page(rest)
    for number in range(1, 30):
        ask(number)
    after = Page(rest)
    assert after.samples.keys() == before.samples.keys()
    assert "hostile" not in after.text.lower()
    unknown = {"model_name": "", "status": "NOT_FOUND"}
    found = after.samples[f"{_SERVING}request_count", frozenset(unknown.items())]
    assert found - before.samples[f"{_SERVING}request_count", frozenset(unknown.items())] == 3 * 29


def _name(sample: Sample) -> str:
    """The name on the page; the parser has _total at the end of every counter's."""
    is_tensorflow = sample.name.startswith(":tensorflow:")
    return sample.name.removesuffix("_total") if is_tensorflow else sample.name
