"""Reads requests, events and exports, and looks at them."""

from dataclasses import dataclass
from datetime import datetime, timezone

import numpy as np

from mclrec_tf.data.event_log.reader import EventLogFormat
from pipeline.jobs.request_log.record_files import RequestLogError, log_files
from pipeline.jobs.request_log.requests import Requests, read_requests
from pipeline.jobs.watch.catalogues import catalogues
from pipeline.jobs.watch.events import read_all_events
from pipeline.jobs.watch.limits import WatchLimits
from pipeline.jobs.watch.measures import length_groups
from pipeline.jobs.watch.report import Reference, VersionReport, length_reference, report


@dataclass(frozen=True)
class Watched:
    """What was found.

    Attributes:
        reports: Of each version that has answered, by model and version.
        reference: What the requests are compared with.
        has_times: Whether the log has times that a request's can be compared with.
        notes: What a person should know.
    """

    reports: list[VersionReport]
    reference: Reference
    has_times: bool
    notes: list[str]


def watch(
    *,
    requests: str,
    data: str,
    model: str,
    since: int | None,
    format: EventLogFormat,
    max_bad_rows: float,
    limits: WatchLimits,
) -> Watched:
    """Looks at what servers were asked.

    Args:
        requests: The files of a request log.
        data: The event log.
        model: The folder of the versions; "" if there is none to look at.
        since: Seconds since 1970 from which on requests are looked at, compared with those before;
            None for all of them, compared with the event log.
        format: How the event log is read.
        max_bad_rows: The largest share of unusable rows in it, from 0 to 1.
        limits: What each version must keep.

    Raises:
        CataloguesError: There is no version in `model`.
        EventLogError: The event log cannot be used.
        RequestLogError: The request log cannot be used, or holds no request to look at.
    """
    asked = read_requests(log_files(requests), since or 0)
    if not asked.versions:
        nothing = f"{requests}: no request was logged. Is logging on, and its share above 0?"
        raise RequestLogError(" ".join([*asked.notes, nothing]))
    events = read_all_events(data, format, max_bad_rows)
    known = catalogues(model, {by.model for by in asked.versions}) if model else {}
    notes = list(asked.notes)
    if gone := sorted(set(asked.versions) - known.keys()) if model else []:
        names = ", ".join(f"{by.model} {by.version}" for by in gone)
        notes.append(
            f"{model} has no list of items of {names}: "
            "what they know is told by their answers alone."
        )
    if since is None:
        reference = Reference(
            length_reference(events, asked.width),
            np.zeros(0, np.int32),
            f"the users of {data}, each without the last event, cut to {asked.width} items",
        )
    else:
        asked, reference = _split(asked, since, requests)
    if events.seconds is None:
        notes.append(
            f"{data} has no times since 1970, so requests are joined by their histories alone."
        )
    elif len(asked.time) and not asked.time.any():
        notes.append(f"{requests} has no times, so requests are joined by their histories alone.")
    reports = report(asked, events, reference, known, limits)
    return Watched(reports, reference, events.seconds is not None, notes)


def _split(asked: Requests, since: int, name: str) -> tuple[Requests, Reference]:
    """The requests from a time on, and what those before are like."""
    moment = datetime.fromtimestamp(since, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    is_before = (asked.time > 0) & (asked.time < since)
    later, earlier = (asked.take(np.flatnonzero(which)) for which in (~is_before, is_before))
    if not len(later.time):
        raise RequestLogError(f"{name}: no history was asked about since {moment} (--since).")
    if not len(earlier.time):
        raise RequestLogError(
            f"{name}: no history was asked about before {moment}, so there is nothing to compare "
            "with. Give earlier files too, or leave out --since."
        )
    return later, Reference(
        length_groups(earlier.histories.lengths),
        earlier.best[earlier.best >= 0],
        f"the {len(earlier.time):,} histories of the requests before {moment}",
    )
