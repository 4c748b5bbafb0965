"""What came of a run, as values and as tables."""

import os
from dataclasses import dataclass

import tensorflow_model_analysis as tfma
from ml_metadata.proto.metadata_store_pb2 import Artifact
from rich import box
from rich.console import Console
from rich.table import Table
from tfx.dsl.io import fileio
from tfx.utils import path_utils

from pipeline.blessing import Refusal, refusals
from pipeline.example_gen.report import EventLogReport, read_report
from pipeline.export_check import FINDINGS_FILE
from pipeline.ranking_metrics import BASELINES, CUTOFFS, METRICS, POLICIES, metric_name
from pipeline.run_history import ComponentRun

_LABELS = {"hit_rate": "HR", "ndcg": "NDCG", "mrr": "MRR"}


@dataclass(frozen=True)
class RunReport:
    """The outcome of a run that went to its end.

    Attributes:
        event_log: what was read and what was dropped.
        test_users: how many users the metrics are over.
        metrics: value by name, as `pipeline.ranking_metrics` names them; all test users.
        refusals: the thresholds that the model failed.
        export_findings: why the export cannot be served; "" if it can.
        compared_with: folder of the blessed model it was compared with; None for a first model.
        saved_model: folder of the SavedModel.
        pushed_to: folder of the pushed version; None if the model was refused.
    """

    event_log: EventLogReport
    test_users: int
    metrics: dict[str, float]
    refusals: list[Refusal]
    export_findings: str
    compared_with: str | None
    saved_model: str
    pushed_to: str | None

    @property
    def reasons(self) -> list[str]:
        """Why the model was not pushed."""
        reasons = [str(refusal) for refusal in self.refusals]
        if self.export_findings:
            reasons.append(self.export_findings)
        return reasons


def read_run(components: dict[str, ComponentRun]) -> RunReport:
    """Reads the outputs of a finished run, given as `RunHistory.latest` returns it."""

    def output(component: str, key: str) -> Artifact:
        return components[component].outputs[key][0]

    evaluation = output("Evaluator", "evaluation").uri
    compared_with = components["LatestBlessedModel"].outputs.get("model")
    # TFMA names a model only if there are two.
    model_name = tfma.CANDIDATE_KEY if compared_with else ""
    results = tfma.load_eval_result(evaluation, model_name=model_name).get_metrics_for_slice()
    metrics = {name: float(value["doubleValue"]) for name, value in results.items()}
    pushed = output("Pusher", "pushed_model").custom_properties
    return RunReport(
        event_log=read_report(output("FileBasedExampleGen", "examples").uri),
        test_users=int(metrics.pop("example_count")),
        metrics=metrics,
        refusals=refusals(evaluation),
        export_findings=_export_findings(output("ExportCheck", "blessing")),
        compared_with=compared_with[0].uri if compared_with else None,
        saved_model=path_utils.serving_model_path(output("Trainer", "model").uri),
        pushed_to=pushed["pushed_destination"].string_value if pushed["pushed"].int_value else None,
    )


def _export_findings(blessing: Artifact) -> str:
    if blessing.custom_properties["blessed"].int_value:
        return ""
    with fileio.open(os.path.join(blessing.uri, FINDINGS_FILE)) as file:
        return file.read()


def show_event_log(report: EventLogReport, console: Console) -> None:
    """Prints what was read and what was dropped."""
    skipped = sum(rows.count for rows in report.rows_skipped)
    console.print(
        f"Read {report.rows:,} rows of {report.files} "
        f"file{'s' if report.files != 1 else ''}: {skipped:,} unusable, "
        f"{report.duplicates:,} duplicates, {report.before.events:,} events. After the k-core "
        f"{report.after.users:,} users, {report.after.items:,} items, "
        f"{report.after.events:,} events."
    )
    for rows in report.rows_skipped:
        console.print(f"  skipped: {rows}", markup=False)


def show_metrics(report: RunReport, console: Console) -> None:
    """Prints the model's metrics beside the baselines', a part for each policy."""
    columns = [(metric, cutoff) for metric in METRICS for cutoff in CUTOFFS]
    table = Table(box=box.SIMPLE_HEAD, padding=0, title=f"Test, {report.test_users:,} users")
    table.add_column("", no_wrap=True)
    for metric, cutoff in columns:
        table.add_column(f"{_LABELS[metric]}@{cutoff}", justify="right", no_wrap=True)
    for policy in POLICIES:
        table.add_row(policy)
        for name, ranking in [("MCLRec", policy)] + [(b, f"{b}_{policy}") for b in BASELINES]:
            values = [report.metrics[metric_name(ranking, *column)] for column in columns]
            table.add_row(f"  {name}", *(f"{value:.4f}" for value in values))
    console.print(table)
    console.print("all_items ranks every item, unseen_items those that are not in the history.")
