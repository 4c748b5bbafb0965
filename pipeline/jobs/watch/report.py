"""What is found of each version that has answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.jobs.request_log.requests import Asked, ModelVersion, Requests
from pipeline.jobs.watch.events import Events
from pipeline.jobs.watch.limits import WatchLimits
from pipeline.jobs.watch.measures import divergence, item_divergence, length_groups
from pipeline.jobs.watch.online import Online, online_rates
from pipeline.jobs.watch.outcomes import join

QUANTILES = (0.1, 0.5, 0.9, 0.99, 1.0)
_TOP = 20


class Recommended(NamedTuple):
    """An item with the share of answers that hold it among their first 20."""

    item_id: str
    share: float


@dataclass(frozen=True)
class VersionReport:
    """A version. What cannot be known is None.

    Attributes:
        by: The model and the version.
        asked: By signature, of the whole log.
        sampling_rates: The shares of the requests that were logged, rising.
        rows: The number of histories.
        first, last: Seconds since 1970 of the first and last answer; 0 where none has a time.
        empty: The share of empty histories.
        items: The number of items in histories of which it is known whether the version knows them.
        unknown: The share of those that it does not know.
        unknown_rows: The share of such histories, not empty, of which it knows no item.
        lengths: How long histories are, by quantile.
        length_groups: How many histories are of each group of lengths.
        length_drift: How far they are from those that they are compared with.
        answers: The number of answers that are the best items of the catalogue.
        recommended_drift: How far these are from those of before.
        recommended: How many different items there are among the first 20.
        catalogue: How many items the version knows.
        top: The items that are recommended most.
        online: What followed the answers.
        broken: A sentence for each limit that is broken, by the name of the limit.
    """

    by: ModelVersion
    asked: dict[str, Asked]
    sampling_rates: list[float]
    rows: int
    first: int
    last: int
    empty: float
    items: int
    unknown: float | None
    unknown_rows: float | None
    lengths: dict[float, int]
    length_groups: npt.NDArray[np.int64]
    length_drift: float | None
    answers: int
    recommended_drift: float | None
    recommended: int
    catalogue: int | None
    top: list[Recommended]
    online: Online
    broken: dict[str, str] = field(default_factory=dict)

    @property
    def coverage(self) -> float | None:
        """The share of the catalogue that is recommended."""
        return self.recommended / self.catalogue if self.catalogue else None


@dataclass(frozen=True)
class Reference:
    """What the requests are compared with.

    Attributes:
        lengths: How many histories are of each group of lengths.
        items: Numbers of recommended items, one for each time; empty if nothing was recommended.
        in_words: Where it comes from.
    """

    lengths: npt.NDArray[np.int64]
    items: npt.NDArray[np.int32]
    in_words: str


def report(
    requests: Requests,
    events: Events,
    reference: Reference,
    known: Mapping[ModelVersion, set[str]],
    limits: WatchLimits,
) -> list[VersionReport]:
    """Looks at every version that has answered.

    Args:
        requests: What was logged.
        events: What users did, before and afterwards.
        reference: What the requests are compared with.
        known: The raw ids of the items of a version, as far as they are known.
        limits: What each version must keep.
    """
    number_of = {item: number for number, item in enumerate(events.item_ids)}
    item_of = np.array([number_of.get(item, -1) for item in requests.item_ids], np.int64)
    outcome = join(requests.histories, requests.time, events, item_of)
    found = []
    for number, by in enumerate(requests.versions):
        rows = np.flatnonzero(requests.version == number)
        of_version = requests.take(rows)
        if not len(rows) and not requests.asked[by]:
            continue
        first, last = requests.answered.get(by, (0, 0))
        values = _of_version(of_version, by, reference, known.get(by))
        version = VersionReport(
            by=by,
            asked=requests.asked[by],
            first=first,
            last=last,
            sampling_rates=sorted(requests.sampling_rates[by]),
            online=online_rates(of_version, outcome[rows], events, item_of),
            **values,
        )
        found.append(replace(version, broken=broken_limits(version, limits)))
    return found


def _of_version(
    rows: Requests, by: ModelVersion, reference: Reference, catalogue: set[str] | None
) -> dict[str, Any]:
    lengths = rows.histories.lengths
    groups = length_groups(lengths)
    known = _known_items(rows, catalogue)
    told = known >= 0
    items = int(lengths[told].sum())
    asked_of = told & (lengths > 0)
    best = rows.best[rows.best >= 0]
    answers = int((rows.best[:, 0] >= 0).sum()) if len(rows.best) else 0
    counts = np.bincount(best, minlength=len(rows.item_ids))
    top = np.argsort(-counts, kind="stable")[:_TOP]
    can_compare = len(lengths) > 0 and reference.lengths.sum() > 0
    return {
        "rows": len(lengths),
        "empty": float((lengths == 0).mean()) if len(lengths) else 0.0,
        "items": items,
        "unknown": 1 - int(known[told].sum()) / items if items else None,
        "unknown_rows": float((known[asked_of] == 0).mean()) if asked_of.any() else None,
        "lengths": (
            {q: int(np.quantile(lengths, q, method="inverted_cdf")) for q in QUANTILES}
            if len(lengths)
            else {}
        ),
        "length_groups": groups,
        "length_drift": divergence(groups, reference.lengths) if can_compare else None,
        "answers": answers,
        "recommended_drift": (
            item_divergence(best, reference.items, len(rows.item_ids))
            if len(best) and len(reference.items)
            else None
        ),
        "recommended": int((counts > 0).sum()),
        "catalogue": len(catalogue) if catalogue else None,
        "top": [
            Recommended(rows.item_ids[item], float(counts[item] / answers))
            for item in top
            if counts[item]
        ],
    }


def _known_items(rows: Requests, catalogue: set[str] | None) -> npt.NDArray[np.int64]:
    """How many items of each history the version knows, -1 where nothing tells it."""
    if catalogue is None or (rows.known_items >= 0).all():
        return rows.known_items.astype(np.int64)
    is_known = np.array([item in catalogue for item in rows.item_ids], bool)
    lengths = rows.histories.lengths
    owner = np.repeat(np.arange(len(lengths)), lengths)
    counted = np.bincount(owner, is_known[rows.histories.items], len(lengths)).astype(np.int64)
    return np.where(rows.known_items >= 0, rows.known_items, counted)


def length_reference(events: Events, width: int) -> npt.NDArray[np.int64]:
    """The lengths of users' histories without their last event, as an evaluation has them.

    Args:
        events: A log.
        width: The most items that a request holds.
    """
    lengths = events.histories.lengths
    return length_groups(np.minimum(lengths[lengths > 1] - 1, width))


def broken_limits(version: VersionReport, limits: WatchLimits) -> dict[str, str]:
    """A sentence for each limit that a version breaks, by the name of the limit."""
    if version.rows < limits.min_rows:
        return {}
    values = {
        "max_unknown_items": (version.unknown, "of the items in histories are unknown to it"),
        "max_empty_histories": (version.empty, "of the histories are empty"),
        "max_length_drift": (version.length_drift, "is the drift of the lengths of histories"),
        "max_recommended_drift": (version.recommended_drift, "is the drift of recommended items"),
    }
    broken = {}
    for name, (value, what) in values.items():
        limit = getattr(limits, name)
        if value is not None and value > limit:
            option = "--" + name.replace("_", "-")
            broken[name] = f"{value:.3f} {what}, more than {limit:g} ({option})"
    rate = version.online.hit_rates[10]
    if rate and rate.high < limits.min_hit_rate_at_10:
        broken["min_hit_rate_at_10"] = (
            f"{rate.value:.4f} ({rate.low:.4f} to {rate.high:.4f}) is its online HR@10, less "
            f"than {limits.min_hit_rate_at_10:g} (--min-hit-rate-at-10)"
        )
    return broken
