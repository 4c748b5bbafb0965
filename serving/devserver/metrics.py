"""What a server counts, under TF Serving's names where it has one.

One set for the process, as in TF Serving; `metrics_page` shows it. Times are in
microseconds. No label takes a value that a caller may choose: a request that names no model of this
server counts under the empty name.
"""

import collections
import functools
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

_Metric = TypeVar("_Metric", Counter, Histogram)

OWN_PREFIX = "mclrec_serving_"
_MICROS = 1_000_000
_MAX_FAILED_PATHS = 20

# The bounds of TF Serving, 10 µs to about 20 minutes, with the six digits it prints.
_LATENCY_BUCKETS = tuple(float(f"{10 * 1.8**power:.6g}") for power in range(33))


disable_created_metrics()
REGISTRY = CollectorRegistry()
_counter = functools.partial(Counter, registry=REGISTRY)
_histogram = functools.partial(Histogram, registry=REGISTRY, buckets=_LATENCY_BUCKETS)

_REQUEST_COUNT = _counter(
    ":tensorflow:serving:request_count", "Requests answered.", ["model_name", "status"]
)
_REQUEST_LATENCY = _histogram(
    ":tensorflow:serving:request_latency",
    "Time in microseconds to answer a request that was answered well.",
    ["model_name", "API", "entrypoint"],
)
_RUNTIME_LATENCY = _histogram(
    ":tensorflow:serving:runtime_latency",
    "Time in microseconds that TensorFlow took for a request.",
    ["model_name", "API", "runtime"],
)
_WARMUP_LATENCY = _histogram(
    ":tensorflow:serving:model_warmup_latency",
    "Time in microseconds that the warm-up of a loaded version took.",
    ["model_path", "status"],
)
_LOAD_LATENCY = _counter(
    ":tensorflow:cc:saved_model:load_latency",
    "Time in microseconds that it took to load a version, without its warm-up.",
    ["model_path"],
)
_LOAD_ATTEMPTS = _counter(
    ":tensorflow:cc:saved_model:load_attempt_count",
    "Attempts to load a version; one whose warm-up failed has failed.",
    ["model_path", "status"],
)
_GRAPH_RUNS = _counter(":tensorflow:core:graph_runs", "Runs of TensorFlow, warm-up included.")
_GRAPH_RUN_TIME = _counter(
    ":tensorflow:core:graph_run_time_usecs", "Time in microseconds of all runs of TensorFlow."
)
_REFUSED = _counter(
    f"{OWN_PREFIX}requests_refused", "Requests refused to protect the server.", ["reason"]
)

_failed_paths: collections.deque[str] = collections.deque()


def count_request(model_name: str, api: str, entrypoint: str, status: str, seconds: float) -> None:
    """Counts a request that has been answered.

    Args:
        model_name: "" unless a model of the server has it.
        api: Such as "Predict", or REST's "predict".
        entrypoint: "GRPC" or "REST".
        status: The name of its code; the time counts only for those that are "OK".
        seconds: From the request's arrival to its answer.
    """
    _series(_REQUEST_COUNT, model_name, status).inc()
    if status == "OK":
        _series(_REQUEST_LATENCY, model_name, api, entrypoint).observe(seconds * _MICROS)


def count_refusal(reason: str) -> None:
    """Counts what was refused to protect the server, by one of a few fixed words."""
    _REFUSED.labels(reason).inc()


def count_run(model_name: str, seconds: float) -> None:
    """Counts a run of TensorFlow for a request of Predict."""
    _GRAPH_RUNS.inc()
    _GRAPH_RUN_TIME.inc(seconds * _MICROS)
    _series(_RUNTIME_LATENCY, model_name, "Predict", "TF1").observe(seconds * _MICROS)


def count_load(path: str, seconds: float) -> None:
    """Counts the load of a version."""
    _LOAD_ATTEMPTS.labels(path, "success").inc()
    _LOAD_LATENCY.labels(path).inc(seconds * _MICROS)


def count_warm_up(path: str, seconds: float) -> None:
    """Counts the warm-up of a version."""
    _WARMUP_LATENCY.labels(path, "OK").observe(seconds * _MICROS)


def count_failed_load(path: str) -> None:
    """Counts a version that could not be loaded; of the last twenty of them."""
    if path not in _failed_paths:
        if len(_failed_paths) == _MAX_FAILED_PATHS:
            _LOAD_ATTEMPTS.remove(_failed_paths.popleft(), "fail")
        _failed_paths.append(path)
    _LOAD_ATTEMPTS.labels(path, "fail").inc()


def forget(path: str) -> None:
    """Drops what was counted by the path of a version that is unloaded: new ones come for ever."""
    _LOAD_LATENCY.remove(path)
    _LOAD_ATTEMPTS.remove(path, "success")
    _WARMUP_LATENCY.remove(path, "OK")


@functools.cache
def _series(metric: _Metric, *labels: str) -> _Metric:
    """`metric.labels`, at a fraction of its cost; not for what `forget` drops."""
    return metric.labels(*labels)
