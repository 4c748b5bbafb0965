"""Writes the page about what is live."""

import os
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from pipeline.html_page.page_file import write_html
from pipeline.html_page.pictures import BLUE, GREY, ORANGE, STYLE, svg
from pipeline.jobs.watch.limits import WatchLimits
from pipeline.jobs.watch.measures import group_names
from pipeline.jobs.watch.metrics_file import OUTCOMES
from pipeline.jobs.watch.report import Reference, VersionReport
from pipeline.jobs.watch.watching import Watched

_LONGEST_NAME = 16


def write_page(
    path: str | os.PathLike[str], watched: Watched, limits: WatchLimits, title: str
) -> None:
    """Writes the page. If it cannot be finished, no file is left.

    Args:
        path: The file to write. Its folder is made if it does not exist.
        watched: What was found.
        limits: What each version must keep.
        title: The title, for example the files of the request log.
    """
    filters: dict[str, Callable[..., Any]] = {
        "time": _time,
        "share": "{:.1%}".format,
        "text": _text,
    }
    values = {
        "title": title,
        "watched": watched,
        "limits": limits,
        "outcomes": OUTCOMES,
        "lengths": {r.by: _lengths(r, watched.reference) for r in watched.reports if r.rows},
        "online": _online([r for r in watched.reports if r.online.hit_rates[10]]),
    }
    write_html(path, "pipeline.jobs.watch", values, filters)


def _short(report: VersionReport) -> str:
    """The name of a version with the end of a long model's left out."""
    model = report.by.model
    if len(model) > _LONGEST_NAME:
        model = model[:_LONGEST_NAME] + "…"
    return f"{model} {report.by.version}"


def _time(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"


def _text(item_id: str) -> str:
    """An id as a page can hold it: bytes that are no UTF-8 become question marks."""
    return item_id.encode("utf-8", "surrogateescape").decode(errors="replace")


def _lengths(report: VersionReport, reference: Reference) -> str:
    """How long histories are, beside those that they are compared with."""
    names = group_names()
    used = np.flatnonzero(report.length_groups + reference.lengths)
    shown = range(int(used.max(initial=0)) + 1)
    with rc_context(STYLE):
        figure = Figure(figsize=(4.2, 2.2), layout="constrained")
        axes = figure.add_subplot()
        for counts, label, color, shift in (
            (report.length_groups, "requests", BLUE, -0.2),
            (reference.lengths, "compared with", GREY, 0.2),
        ):
            shares = counts / max(counts.sum(), 1)
            axes.bar(
                [n + shift for n in shown], shares[: len(shown)], 0.4, color=color, label=label
            )
        axes.set_xticks(list(shown), names[: len(shown)])
        axes.set_xlabel("items in a history")
        axes.set_ylabel("share")
        figure.legend(frameon=False, loc="outside upper center", ncols=2, fontsize=8)
        return svg(figure)


def _online(reports: list[VersionReport]) -> str:
    """The online HR@10 of each version with its interval."""
    if not reports:
        return ""
    with rc_context(STYLE):
        figure = Figure(figsize=(4.2, 0.7 + 0.34 * len(reports)), layout="constrained")
        axes = figure.add_subplot()
        for place, report in enumerate(reversed(reports)):
            rate = report.online.hit_rates[10]
            assert rate
            errors = [[max(rate.value - rate.low, 0)], [max(rate.high - rate.value, 0)]]
            axes.errorbar(
                rate.value, place, xerr=errors, fmt="o", ms=4, color=ORANGE, lw=1.2, capsize=0
            )
        names = [_short(report) for report in reversed(reports)]
        # A dollar sign would begin a formula.
        axes.set_yticks(range(len(names)), [name.replace("$", r"\$") for name in names])
        axes.set_xlim(left=0)
        axes.set_xlabel("online HR@10")
        axes.grid(axis="x", color="#e4e6ea", lw=0.8)
        axes.set_axisbelow(True)
        return svg(figure)
