"""Metrics of the versions for Prometheus, in a file for the textfile collector."""

import os
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from pipeline.jobs.watch.outcomes import AMBIGUOUS, EMPTY, PENDING, UNMATCHED
from pipeline.jobs.watch.report import VersionReport
from pipeline.jobs.watch.watching import Watched

_PREFIX = "mclrec_watch_"
_LABELS = ("model", "version")
OUTCOMES = {
    0: "joined",
    PENDING: "pending",
    AMBIGUOUS: "ambiguous",
    UNMATCHED: "unmatched",
    EMPTY: "empty",
}
"""What became of an answer, by what `outcomes.join` calls it; 0 is for those with an outcome."""

_VALUES: dict[str, tuple[str, Callable[[VersionReport], float | None]]] = {
    "histories": ("Histories that were logged.", lambda r: r.rows),
    "empty_histories_ratio": ("Share of histories that are empty.", lambda r: r.empty),
    "unknown_items_ratio": ("Share of items of histories unknown to it.", lambda r: r.unknown),
    "unknown_histories_ratio": (
        "Share of histories, not empty, without an item that it knows.",
        lambda r: r.unknown_rows,
    ),
    "history_length_divergence": (
        "Jensen-Shannon divergence of the lengths of histories, 0 to 1.",
        lambda r: r.length_drift,
    ),
    "recommended_items_divergence": (
        "Jensen-Shannon divergence of recommended items from those of before, 0 to 1.",
        lambda r: r.recommended_drift,
    ),
    "recommended_items": ("Different items among the first 20.", lambda r: r.recommended),
    "recommended_catalogue_ratio": ("Share of its catalogue among them.", lambda r: r.coverage),
    "predictions": ("Answers with an outcome, one for each event.", lambda r: r.online.predictions),
    "last_answer_timestamp_seconds": ("Time of the last answer.", lambda r: r.last or None),
}


def write_metrics(path: str | os.PathLike[str], watched: Watched) -> None:
    """Writes the metrics. A reader sees the old file or the new one, never a part.

    Args:
        path: A file of this machine whose name ends in `.prom`.
        watched: What was found. What is not known has no metric.
    """
    registry = CollectorRegistry()

    def gauge(name: str, text: str, *labels: str) -> Gauge:
        return Gauge(_PREFIX + name, text, (*_LABELS, *labels), registry=registry)

    gauges = {name: gauge(name, text) for name, (text, _) in _VALUES.items()}
    requests = gauge("requests", "Requests that were logged.", "signature")
    lengths = gauge("history_length_items", "Length of histories.", "quantile")
    answers = gauge("answers", "Answers by what became of them.", "outcome")
    rates = gauge("hit_ratio", "Online hit rate.", "cutoff")
    lows = gauge("hit_ratio_lower", "Lower end of its 95 % interval.", "cutoff")
    highs = gauge("hit_ratio_upper", "Upper end of its 95 % interval.", "cutoff")
    broken = gauge("limits_broken", "Limits that it breaks.")
    for report in watched.reports:
        by = (report.by.model, str(report.by.version))
        for name, (_, value) in _VALUES.items():
            if (found := value(report)) is not None:
                gauges[name].labels(*by).set(found)
        for signature, asked in report.asked.items():
            requests.labels(*by, signature).set(asked.requests)
        for quantile, length in report.lengths.items():
            lengths.labels(*by, f"{quantile:g}").set(length)
        for outcome, word in OUTCOMES.items():
            answers.labels(*by, word).set(report.online.joined[outcome])
        for cutoff, rate in report.online.hit_rates.items():
            if rate:
                rates.labels(*by, str(cutoff)).set(rate.value)
                lows.labels(*by, str(cutoff)).set(rate.low)
                highs.labels(*by, str(cutoff)).set(rate.high)
        broken.labels(*by).set(len(report.broken))
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    write_to_textfile(os.fspath(path), registry)
