"""What the page shows, read from the artifacts of a run, as far as the run got."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ml_metadata.proto.metadata_store_pb2 import Artifact
from tfx.dsl.io import fileio
from tfx.utils import path_utils

from pipeline import component_ids
from pipeline.components.blessing.component import read_decision
from pipeline.components.blessing.criterion import Decision
from pipeline.components.data_gate.anomalies import read_findings
from pipeline.components.evaluator.results import SliceResult, read_results
from pipeline.components.evaluator.slices import ALL_USERS
from pipeline.components.example_gen.event_log.log_report import EventLogReport, read_report
from pipeline.components.example_gen.splits.split_example import TEST
from pipeline.components.item_features.catalogue_graph import read_notes
from pipeline.components.item_transitions.table import How, read_how
from pipeline.components.refit.report import RefitReport, read_refit_report
from pipeline.components.run_page.item_names import ItemNames, names_of_catalogue
from pipeline.components.run_page.neighbours import Neighbours, neighbours_of_some
from pipeline.components.run_page.recommendations import SliceOfUsers, recommend_to_slices
from pipeline.components.trainer.learned_views import LearnedViews, read_learned_views
from pipeline.components.trainer.run_fn import HISTORY_FILE
from pipeline.components.transform.preprocessing import VOCABULARY
from pipeline.components.transform.vocabulary import item_ids
from pipeline.settings import Settings

PUSHED, REFUSED, FAILED = "pushed", "refused", "failed"


@dataclass(frozen=True)
class Contents:
    """A run as the page shows it. An attribute that the run did not reach is None or empty.

    Attributes:
        status: `PUSHED`, `REFUSED` or `FAILED`.
        failure: The message of a failed run. "" for another run.
        timings: Name, seconds, and whether the outputs are those of an earlier run, of each
            component.
        event_log: What was read and what was dropped.
        anomalies: What ExampleValidator found. What the gate found in addition is in `failure`.
        epochs: The logs of `fit`, one entry per epoch.
        views: The learned views of some users.
        results: The evaluation by slice.
        transitions: How the baseline `transitions` weighs the last items of a history.
        compared_with: The folder of the latest blessed model, if the model was compared with it.
        decision: The criteria, and whether the model meets them.
        slices: Some test users of each slice and the recommendations for them.
        neighbours: The nearest items of some items.
        item_names: The names of the items of the model.
        refit: Which model goes out, if the run was to let it go on over every event.
        item_table: What a person should know of the table of the catalogue.
        pushed_to: The folder of the pushed version.
        gone_without: One line for each artifact of an earlier run that is gone.
    """

    status: str
    failure: str = ""
    timings: list[tuple[str, float, bool]] = field(default_factory=list)
    event_log: EventLogReport | None = None
    anomalies: list[str] = field(default_factory=list)
    epochs: list[dict[str, float]] = field(default_factory=list)
    views: LearnedViews | None = None
    results: dict[str, SliceResult] = field(default_factory=dict)
    transitions: How | None = None
    compared_with: str | None = None
    decision: Decision | None = None
    slices: list[SliceOfUsers] = field(default_factory=list)
    neighbours: list[Neighbours] = field(default_factory=list)
    item_names: ItemNames = ItemNames()
    refit: RefitReport | None = None
    item_table: Sequence[str] = ()
    pushed_to: str | None = None
    gone_without: Sequence[str] = ()


def read_contents(
    outputs: Mapping[str, Mapping[str, Artifact]],
    settings: Settings,
    failure: str = "",
    timings: Sequence[tuple[str, float, bool]] = (),
    gone_without: Sequence[str] = (),
) -> Contents:
    """Reads what the components of a run wrote.

    Args:
        outputs: The artifacts by component and name of the output. For a failed run, those of the
            components that succeeded.
        settings: The settings of the run.
        failure: Why the run failed. "", the default, if it did not.
        timings, gone_without: As in `Contents`.
    """

    def output(component: str, key: str) -> Artifact | None:
        return outputs.get(component, {}).get(key)

    examples = output(component_ids.EXAMPLE_GEN, "examples")
    test_examples = output(component_ids.EVALUATION_FEATURES, "test_examples")
    anomalies = output(component_ids.EXAMPLE_VALIDATOR, "anomalies")
    catalogue_graph = output(component_ids.ITEM_FEATURES, "catalogue")
    model = output(component_ids.TRAINER, "model")
    model_run = output(component_ids.TRAINER, "model_run")
    transitions = output(component_ids.ITEM_TRANSITIONS, "transitions")
    evaluation = output(component_ids.EVALUATOR, "evaluation")
    export_check = output(component_ids.EXPORT_CHECK, "blessing")
    blessing = output(component_ids.BLESSING, "blessing")
    servable = export_check and export_check.custom_properties["blessed"].int_value
    saved_model = path_utils.serving_model_path(model.uri) if model and servable else ""
    latest_blessed = output(component_ids.LATEST_BLESSED_MODEL, "model")
    catalogue = item_ids(os.path.join(saved_model, "assets", VOCABULARY)) if saved_model else []
    results = read_results(evaluation.uri) if evaluation else {}
    was_compared = bool(results and results[ALL_USERS].latest_blessed_metrics)
    refitted = output(component_ids.REFIT, "model")
    pushed = output(component_ids.PUSHER, "pushed_model")
    pushed_to = pushed.custom_properties["pushed_destination"].string_value if pushed else ""
    return Contents(
        status=FAILED if failure else PUSHED if pushed_to else REFUSED,
        failure=failure,
        timings=list(timings),
        event_log=read_report(examples.uri) if examples else None,
        anomalies=read_findings(anomalies.uri) if anomalies else [],
        epochs=_epochs(model_run.uri) if model_run else [],
        views=read_learned_views(model_run.uri) if model_run else None,
        results=results,
        transitions=read_how(transitions.uri) if transitions else None,
        compared_with=latest_blessed.uri if latest_blessed and was_compared else None,
        decision=read_decision(blessing.uri) if blessing else None,
        slices=(
            recommend_to_slices(saved_model, os.path.join(test_examples.uri, f"Split-{TEST}"))
            if saved_model and test_examples
            else []
        ),
        neighbours=neighbours_of_some(saved_model, catalogue) if catalogue else [],
        item_names=names_of_catalogue(settings, catalogue) if catalogue else ItemNames(),
        refit=read_refit_report(refitted.uri) if refitted else None,
        item_table=read_notes(catalogue_graph.uri) if catalogue_graph else (),
        pushed_to=pushed_to or None,
        gone_without=gone_without,
    )


def _epochs(model_run_uri: str) -> list[dict[str, float]]:
    with fileio.open(os.path.join(model_run_uri, HISTORY_FILE)) as file:
        return json.load(file)
