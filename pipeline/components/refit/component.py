"""The component that lets a blessed model learn from what was held out, before it goes out."""

import dataclasses
import os

import keras
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio
from tfx.types.standard_artifacts import Examples, Model, ModelBlessing, ModelRun, TransformGraph
from tfx.utils import path_utils

from mclrec_tf.export.saved_model import export_savedmodel
from mclrec_tf.models.refit import refit_epochs
from mclrec_tf.training.early_stopping import ResumableEarlyStopping
from pipeline.components.export_check.component import check
from pipeline.components.item_features.catalogue_graph import stored_item_features
from pipeline.components.refit.every_event import read_every_event
from pipeline.components.refit.guards import Guarded, guarded
from pipeline.components.refit.report import IN_ITS_PLACE, RefitReport, write_refit_report
from pipeline.components.refit.training import trained_on
from pipeline.components.trainer.custom_config import TrainerConfig
from pipeline.components.trainer.outcome import read_outcome
from pipeline.components.trainer.run_fn import keras_path
from pipeline.components.transform.preprocessing import VOCABULARY
from pipeline.components.transform.vocabulary import item_ids
from pipeline.settings import ReleaseSettings, from_json


@component
def Refit(
    examples: InputArtifact[Examples],
    transform_graph: InputArtifact[TransformGraph],
    evaluated_model: InputArtifact[Model],
    model_run: InputArtifact[ModelRun],
    blessing: InputArtifact[ModelBlessing],
    model: OutputArtifact[Model],
    settings: Parameter[str],
    backup_directory: Parameter[str],
) -> None:
    """Lets a blessed model go on over every event, those of validation and test included.

    The result cannot be evaluated, since nothing is held out from it. It goes out if its weights
    are finite, its vectors have not collapsed, its recommendations agree with those of the
    evaluated model, and its export can be served; else the evaluated model goes out. A model that
    was not blessed is not trained on, and the output is empty.

    It is never compared with a later model, and no training begins with it: it knows the events on
    which they are evaluated. For that there is the evaluated model.

    Args:
        examples: ExampleGen's output.
        transform_graph: Transform's output, or that of ItemFeatures if the run has one.
        evaluated_model: Trainer's output.
        model_run: Trainer's output.
        blessing: Blessing's output, about `evaluated_model`.
        model: The output: a model as the Trainer writes it, and a `RefitReport`. If the evaluated
            model goes out, the report alone, and that model's folder as the custom property
            `IN_ITS_PLACE`, which the Pusher follows.
        settings: `ReleaseSettings` as JSON.
        backup_directory: The folder in which an interrupted training keeps its state.
    """
    if not blessing.get_int_custom_property("blessed"):
        return
    evaluated_export = path_utils.serving_model_path(evaluated_model.uri)
    evaluated_items = item_ids(os.path.join(evaluated_export, "assets", VOCABULARY))
    every = read_every_event(examples.uri, evaluated_items)
    evaluated = keras.models.load_model(keras_path(evaluated_export))
    outcome = read_outcome(model_run.uri)
    features = stored_item_features(transform_graph.uri)
    config = TrainerConfig(outcome.model, outcome.training, backup_directory)
    epochs = refit_epochs(outcome.best_epoch)
    stopping = ResumableEarlyStopping(
        config.backup(examples.uri, evaluated_model.uri), monitor=None, epochs=epochs
    )
    export = path_utils.serving_model_dir(model.uri)
    _start_anew(model.uri)
    compared: Guarded | None = None
    refusals: tuple[str, ...] = ()
    try:
        found = trained_on(every, evaluated, evaluated_items, outcome, features, stopping)
    except FloatingPointError as error:
        refusals = (f"Its training came to nothing: {error}",)
    else:
        chosen = from_json(ReleaseSettings, settings)
        compared = guarded(
            found, every.items, evaluated, evaluated_items, every.histories, chosen.min_agreement
        )
        refusals = compared.refusals
    if not refusals:
        found.save(keras_path(export))
        export_savedmodel(found, export, every.items)
        servable, findings = check(export)
        refusals = () if servable else (f"Its export cannot be served: {findings}",)
    if refusals:
        _start_anew(model.uri)
        model.set_string_custom_property(IN_ITS_PLACE, evaluated_model.uri)
    report = RefitReport(
        refitted=not refusals,
        refusals=refusals,
        users=len(every.histories),
        events=len(every.histories.items),
        held_out=every.held_out,
        epochs=epochs,
    )
    if compared is not None:
        report = dataclasses.replace(
            report,
            agreement=compared.agreement,
            effective_rank=compared.effective_rank,
            evaluated_effective_rank=compared.evaluated_effective_rank,
        )
    write_refit_report(model.uri, report)
    stopping.discard()


def _start_anew(folder: str) -> None:
    """Makes a folder empty, in which an attempt that was killed may have left something."""
    if fileio.exists(folder):
        fileio.rmtree(folder)
    fileio.makedirs(folder)
