"""What a server counts, and the page that Prometheus reads.

Metrics that TF Serving has too bear its names. One set is kept for the process, as in TF Serving.
Times are in microseconds. No label takes a value that a caller may choose: a request that names no
model of this server counts under the empty name.
"""

import re

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

PATH = "/monitoring/prometheus/metrics"
"""The path of the page at the REST port: TF Serving's default."""
CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_MICROS = 1_000_000
# The bounds of TF Serving, 10 µs to about 20 minutes, with the six digits it prints.
_LATENCY_BUCKETS = tuple(float(f"{10 * 1.8**power:.6g}") for power in range(33))
# prometheus_client ends the name of every counter with _total, TF Serving of none.
_TOTAL = re.compile(rb"^((?:# HELP |# TYPE )?:tensorflow:\S*?)_total(?=[ {])", re.MULTILINE)

disable_created_metrics()
_REGISTRY = CollectorRegistry()
_REQUEST_COUNT = Counter(
    ":tensorflow:serving:request_count",
    "Requests answered.",
    ["model_name", "status"],
    registry=_REGISTRY,
)
_REQUEST_LATENCY = Histogram(
    ":tensorflow:serving:request_latency",
    "Time in microseconds to answer a request that was answered well.",
    ["model_name", "API", "entrypoint"],
    registry=_REGISTRY,
    buckets=_LATENCY_BUCKETS,
)
_RUNTIME_LATENCY = Histogram(
    ":tensorflow:serving:runtime_latency",
    "Time in microseconds that TensorFlow took for a request.",
    ["model_name", "API", "runtime"],
    registry=_REGISTRY,
    buckets=_LATENCY_BUCKETS,
)
_REQUESTS_REFUSED = Counter(
    "mclrec_serving_requests_refused",
    "Requests refused to protect the server.",
    ["reason"],
    registry=_REGISTRY,
)
REQUESTS_LOGGED = Counter(
    "mclrec_serving_requests_logged",
    "Requests written to the request log.",
    registry=_REGISTRY,
)
_REQUESTS_UNLOGGED = Counter(
    "mclrec_serving_requests_unlogged",
    "Requests that were to be logged and were dropped.",
    ["reason"],
    registry=_REGISTRY,
)
REQUESTS_IN_FLIGHT = Gauge(
    "mclrec_serving_requests_in_flight",
    "Requests that run in a thread or wait for one.",
    registry=_REGISTRY,
)


def count_request(model_name: str, api: str, entrypoint: str, status: str, seconds: float) -> None:
    """Counts a request that has been answered.

    Args:
        model_name: The name of a model of the server, or "".
        api: The method, such as "Predict", or REST's "predict".
        entrypoint: "GRPC" or "REST".
        status: The name of the status code; only the times of "OK" are counted.
        seconds: The time from the request's arrival to its answer.
    """
    _REQUEST_COUNT.labels(model_name, status).inc()
    if status == "OK":
        _REQUEST_LATENCY.labels(model_name, api, entrypoint).observe(seconds * _MICROS)


def count_refusal(reason: str) -> None:
    """Counts a request that was refused to protect the server, by one of a few fixed words."""
    _REQUESTS_REFUSED.labels(reason).inc()


def count_unlogged(reason: str) -> None:
    """Counts a request that was to be logged and was not, by one of a few fixed words."""
    _REQUESTS_UNLOGGED.labels(reason).inc()


def count_run(model_name: str, seconds: float) -> None:
    """Counts a run of TensorFlow for a request of Predict."""
    _RUNTIME_LATENCY.labels(model_name, "Predict", "TF1").observe(seconds * _MICROS)


def page() -> bytes:
    """All metrics in Prometheus' text format."""
    return _TOTAL.sub(rb"\1", generate_latest(_REGISTRY))
