"""The outcome of a run, as values and as tables."""

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass

from ml_metadata.proto.metadata_store_pb2 import Artifact
from rich import box
from rich.console import Console
from rich.table import Table
from tfx.utils import path_utils

from pipeline import component_ids
from pipeline.components.blessing.component import read_decision
from pipeline.components.blessing.criterion import Decision
from pipeline.components.evaluator.results import read_results
from pipeline.components.evaluator.slices import ALL_USERS
from pipeline.components.evaluator.tfma_metrics import (
    CUTOFFS,
    METRIC_LABELS,
    METRICS,
    POLICIES,
    metric_name,
)
from pipeline.components.example_gen.event_log.log_report import EventLogReport, listed, read_report
from pipeline.components.item_transitions.table import How, read_how
from pipeline.components.refit.report import RefitReport, read_refit_report
from pipeline.runners.local.run_history import ComponentRun
from serving.export_check.checksums import damage


@dataclass(frozen=True)
class RunReport:
    """The outcome of a finished run.

    Attributes:
        event_log: What was read and what was dropped.
        test_users: The number of test users.
        metrics: The metrics over all test users by name, see `evaluator.tfma_metrics.metric_name`.
        baselines: The baselines that were evaluated.
        transitions: How the baseline `transitions` weighs the last items of a history.
        decision: The criteria, and whether the model meets them.
        compared_with: The folder of the latest blessed model. None if there was none.
        saved_model: The folder of the SavedModel, of the one that is pushed if any is.
        refit: Which model goes out, if the run was to let it go on over every event.
        pushed_to: The folder of the pushed version. None if the model was refused.
        gone_without: One line for each artifact of an earlier run that is gone.
    """

    event_log: EventLogReport
    test_users: int
    metrics: dict[str, float]
    baselines: tuple[str, ...]
    transitions: How
    decision: Decision
    compared_with: str | None
    saved_model: str
    refit: RefitReport | None
    pushed_to: str | None
    gone_without: Sequence[str] = ()


def read_run(components: dict[str, ComponentRun]) -> RunReport:
    """Reads the outputs of a finished run.

    Args:
        components: What `RunHistory.latest` returns.
    """

    def output(component: str, key: str) -> Artifact:
        return components[component].outputs[key][0]

    everybody = read_results(output(component_ids.EVALUATOR, "evaluation").uri)[ALL_USERS]
    compared_with = components[component_ids.LATEST_BLESSED_MODEL].outputs.get("model")
    pushed = output(component_ids.PUSHER, "pushed_model").custom_properties
    model, refit = output(component_ids.TRAINER, "model").uri, None
    if component_ids.REFIT in components:
        of_refit = output(component_ids.REFIT, "model").uri
        refit = read_refit_report(of_refit)
        model = of_refit if refit and refit.refitted else model
    return RunReport(
        event_log=read_report(output(component_ids.EXAMPLE_GEN, "examples").uri),
        test_users=everybody.users,
        metrics=everybody.metrics,
        baselines=everybody.baselines,
        transitions=read_how(output(component_ids.ITEM_TRANSITIONS, "transitions").uri),
        decision=read_decision(output(component_ids.BLESSING, "blessing").uri),
        # The evaluation tells whether there was a comparison. That the resolver has found a model
        # does not suffice.
        compared_with=(
            compared_with[0].uri if compared_with and everybody.latest_blessed_metrics else None
        ),
        saved_model=path_utils.serving_model_path(model),
        refit=refit,
        pushed_to=pushed["pushed_destination"].string_value if pushed["pushed"].int_value else None,
    )


def damage_of_version(folder: str) -> str:
    """What is wrong with a pushed version. "" if it is whole."""
    if not os.path.isfile(os.path.join(folder, "saved_model.pb")):
        return "has been removed since" if not os.path.isdir(folder) else "is no longer whole"
    return "; ".join(damage(folder))


def show_event_log(report: EventLogReport, console: Console) -> None:
    """Prints what was read and what was dropped."""
    skipped = sum(rows.count for rows in report.rows_skipped)
    left_out = f"{report.filtered:,} left out by --where, " if report.filtered else ""
    console.print(
        f"Read {report.rows:,} rows of {report.files} "
        f"file{'s' if report.files != 1 else ''}: {skipped:,} unusable, {left_out}"
        f"{report.duplicates:,} duplicates, {report.before.events:,} events. After the k-core "
        f"{report.after.users:,} users, {report.after.items:,} items, "
        f"{report.after.events:,} events."
    )
    for line in listed(report.rows_skipped):
        console.print(f"  skipped: {line}", markup=False)
    for note in report.notes:
        console.print(f"  please look: {note}", markup=False)


def show_metrics(report: RunReport, console: Console) -> None:
    """Prints the metrics of the model and of the baselines, by policy."""
    columns = [(metric, cutoff) for metric in METRICS for cutoff in CUTOFFS]
    table = Table(box=box.SIMPLE_HEAD, padding=0, title=f"Test, {report.test_users:,} users")
    table.add_column("", no_wrap=True)
    for metric, cutoff in columns:
        table.add_column(f"{METRIC_LABELS[metric]}@{cutoff}", justify="right", no_wrap=True)
    for policy in POLICIES:
        table.add_row(policy)
        rankings = [("MCLRec", policy)] + [(b, f"{b}_{policy}") for b in report.baselines]
        for name, ranking in rankings:
            values = [report.metrics[metric_name(ranking, *column)] for column in columns]
            table.add_row(f"  {name}", *(f"{value:.4f}" for value in values))
    console.print(table)
    console.print(
        "all_items ranks every item, unseen_items only those that are not in the history. "
        f"{report.transitions.in_words()}"
    )


def show_decision(decision: Decision, console: Console) -> None:
    """Prints every criterion, and a whole sentence for each one that the model does not meet."""
    console.print("Decision, by NDCG@10 of the test users where a line names no other metric:")
    groups = itertools.groupby(decision.criteria, lambda criterion: criterion.requirement)
    for requirement, criteria in groups:
        table = Table(box=box.SIMPLE_HEAD, padding=0, title=requirement, title_justify="left")
        table.add_column("", no_wrap=True)
        table.add_column("users of", no_wrap=True)
        for column in ("users", "value", "bound", "difference"):
            table.add_column(column, justify="right", no_wrap=True)
        for criterion in criteria:
            values = (criterion.value, criterion.bound)
            interval = criterion.interval
            table.add_row(
                "passed" if criterion.passed else "FAILED",
                criterion.slice,
                f"{criterion.users:,}",
                *("" if value is None else f"{value:.4f}" for value in values),
                "" if interval is None else "{:+.4f} to {:+.4f}".format(*interval),
            )
        console.print(table)
    for criterion in decision.failed:
        console.print(f"  {criterion}", markup=False)
