"""Writes the page about a run as HTML."""

import dataclasses
import itertools
import os
from collections.abc import Callable, Mapping
from typing import Any

from mclrec_tf.evaluation.ranking_metrics import CUTOFFS
from mclrec_tf.evaluation.ranks import POLICIES
from pipeline.components.blessing.criterion import Criterion, Decision
from pipeline.components.blessing.intervals import mean_of
from pipeline.components.evaluator.paired_moments import LATEST_BLESSED, MODEL
from pipeline.components.evaluator.results import SliceResult
from pipeline.components.evaluator.slices import ALL_USERS, judged_policy
from pipeline.components.evaluator.tfma_metrics import (
    METRIC_LABELS,
    METRICS,
    metric_name,
)
from pipeline.components.example_gen.event_log.log_report import listed
from pipeline.components.run_page import plots
from pipeline.components.run_page.contents import Contents
from pipeline.components.run_page.recommendations import ITEMS_SHOWN
from pipeline.components.run_page.recommended_table import meanings, recommended_tables
from pipeline.html_page.page_file import write_html
from pipeline.settings import Settings

_LONGEST_NAME = 60


def write_page(
    path: str | os.PathLike[str], contents: Contents, settings: Settings, title: str
) -> None:
    """Writes the page about a run. If it cannot be finished, no file is left.

    Args:
        path: The file to write. Its folder is made if it does not exist.
        contents: What the page shows.
        settings: The settings of the run.
        title: The title, for example the path of the event log.
    """
    path = os.fspath(path)
    values = dict(
        title=title,
        name=os.path.splitext(os.path.basename(path))[0],
        run=contents,
        settings=dataclasses.asdict(settings),
        confidence=settings.blessing.confidence,
        criteria=_by_requirement(contents.decision),
        recommended=recommended_tables(contents.results),
        meanings=meanings(contents.results),
        names=contents.item_names.names,
        items_shown=ITEMS_SHOWN,
        transitions_note=contents.transitions and contents.transitions.in_words(),
        **_pictures(contents, settings.blessing.confidence),
        **_evaluation(contents.results, settings.blessing.confidence),
    )
    filters: dict[str, Callable[..., Any]] = {
        "slice_verdict": lambda criterion: f"{criterion.slice} ({criterion.note})",
        "listed": listed,
        "shortened": _shortened,
    }
    write_html(path, "pipeline.components.run_page", values, filters)


def _shortened(name: str) -> str:
    """A name without its middle, if it is long: what tells two long ones apart may be the end."""
    if len(name) <= _LONGEST_NAME:
        return name
    end = _LONGEST_NAME // 3
    return f"{name[: _LONGEST_NAME - end].rstrip()} … {name[-end:].lstrip()}"


def _by_requirement(decision: Decision | None) -> dict[str, list[Criterion]]:
    criteria = decision.criteria if decision else []
    groups = itertools.groupby(criteria, lambda criterion: criterion.requirement)
    return {requirement: list(group) for requirement, group in groups}


def _pictures(contents: Contents, confidence: float) -> dict[str, Any]:
    """The pictures as SVG, which the template inserts unescaped."""
    found: dict[str, Any] = {"losses": {}, "validation": {}, "collapse": {}}
    found |= {"projection": "", "planar": 0.0, "slices": ""}
    if contents.epochs:
        found["losses"] = plots.loss_curves(contents.epochs)
        found["validation"] = plots.validation_curves(contents.epochs)
        found["collapse"] = plots.collapse_curves(contents.epochs)
    if contents.views is not None and len(contents.views.z1) > 2:
        found["projection"], found["planar"] = plots.projection(contents.views)
    if contents.results:
        found["slices"] = plots.slices(contents.results, confidence)
    return found


def _evaluation(results: Mapping[str, SliceResult], confidence: float) -> dict[str, Any]:
    """The tables: all metrics over all users by policy, and NDCG@10 with intervals by slice."""
    if not results:
        return {"metrics": {}, "ndcg": {}, "slice_rows": [], "rankings": []}
    everybody = results[ALL_USERS]
    rankings = ["MCLRec", *(["latest blessed"] if everybody.latest_blessed_metrics else [])]

    def row(policy: str, metric: str, cutoff: int) -> list[float]:
        own = metric_name(policy, metric, cutoff)
        of_models = [everybody.metrics[own]]
        if everybody.latest_blessed_metrics:
            of_models.append(everybody.latest_blessed_metrics[own])
        names = (
            metric_name(f"{baseline}_{policy}", metric, cutoff) for baseline in everybody.baselines
        )
        return of_models + [everybody.metrics[name] for name in names]

    metrics = {
        policy: {
            f"{METRIC_LABELS[metric]}@{cutoff}": row(policy, metric, cutoff)
            for metric in METRICS
            for cutoff in CUTOFFS
        }
        for policy in POLICIES
    }
    latest_blessed = [LATEST_BLESSED] if everybody.latest_blessed_metrics else []
    compared = [MODEL, *latest_blessed, *everybody.baselines]
    ndcg = {
        policy: [mean_of(everybody.moments[policy], who, confidence) for who in compared]
        for policy in POLICIES
    }
    slice_rows = [
        (name, result.users, [
            mean_of(result.moments[judged_policy(name)], who, confidence) for who in compared
        ])
        for name, result in results.items()
    ]  # fmt: skip
    rankings += everybody.baselines
    return {"metrics": metrics, "ndcg": ndcg, "slice_rows": slice_rows, "rankings": rankings}
