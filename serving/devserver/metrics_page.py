"""The page that Prometheus reads: what `metrics` counts, and how a server is now."""

import re
from collections import Counter
from collections.abc import Iterator

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    Metric,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from tensorflow_serving.apis import get_model_status_pb2, model_pb2

from serving.devserver.metrics import OWN_PREFIX, REGISTRY
from serving.devserver.models.repository import ModelRepository
from serving.devserver.request_pool import RequestPool

DEFAULT_PATH = "/monitoring/prometheus/metrics"
CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_State = get_model_status_pb2.ModelVersionStatus.State
# prometheus_client ends every counter with _total, TF Serving none.
_TOTAL = re.compile(rb"^((?:# HELP |# TYPE )?:tensorflow:\S*?)_total(?=[ {])", re.MULTILINE)


class MetricsPage:
    """Writes the metrics of a server in Prometheus' text format.

    Args:
        repository: The models.
        pool: That they answer in.
    """

    def __init__(self, repository: ModelRepository, pool: RequestPool):
        self._registry = CollectorRegistry()
        self._registry.register(_ServerCollector(repository, pool))
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """The page, with what is true at this moment."""
        page = generate_latest(REGISTRY) + generate_latest(self._registry)
        return _TOTAL.sub(rb"\1", page)


class _ServerCollector(Collector):
    def __init__(self, repository: ModelRepository, pool: RequestPool):
        self._repository = repository
        self._pool = pool

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            f"{OWN_PREFIX}requests_in_flight",
            "Questions to models that run or wait for a thread.",
            self._pool.requests,
        )
        versions = GaugeMetricFamily(
            f"{OWN_PREFIX}model_versions",
            "How many versions of a model are in a state; BROKEN could not be loaded.",
            labels=["model_name", "state"],
        )
        newest = GaugeMetricFamily(
            f"{OWN_PREFIX}model_newest_version",
            "The version that answers requests which name none; 0: no version answers.",
            labels=["model_name"],
        )
        for name in self._repository.models:
            statuses = self._repository.statuses(model_pb2.ModelSpec(name=name))
            states = Counter(
                "BROKEN" if s.status.error_code else _State.Name(s.state) for s in statuses
            )
            for state in ("LOADING", "AVAILABLE", "UNLOADING", "BROKEN"):
                versions.add_metric([name, state], states[state])
            available = (s.version for s in statuses if s.state == _State.AVAILABLE)
            newest.add_metric([name], max(available, default=0))
        yield versions
        yield newest
