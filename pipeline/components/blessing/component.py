"""The component that blesses a model: one verdict on its quality and on its export."""

import os

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio
from tfx.types.standard_artifacts import InfraBlessing, Model, ModelBlessing, ModelEvaluation

from pipeline.components.blessing.decision import Decision, decide
from pipeline.components.evaluator.results import read_results
from pipeline.components.export_check.component import findings_of_refusal
from pipeline.settings import BlessingSettings, from_json

DECISION_FILE = "decision.json"


@component
def Blessing(
    model: InputArtifact[Model],
    evaluation: InputArtifact[ModelEvaluation],
    export_check: InputArtifact[InfraBlessing],
    settings: Parameter[str],
    blessing: OutputArtifact[ModelBlessing],
) -> None:
    """Blesses a model that passes every line of `pipeline.components.blessing.decision`.

    A model that cannot be served is never blessed, so it is never what later ones are compared
    with. Writes `decision.json` into the blessing's folder. A refusal does not stop the pipeline:
    Pusher reads `blessed` and leaves the served model in place.

    `settings` are `BlessingSettings` as JSON. They are no input of the Evaluator, so
    a model is judged anew by other margins without being evaluated anew.
    """
    findings = findings_of_refusal(
        blessing_uri=export_check.uri, blessed=export_check.get_int_custom_property("blessed")
    )
    chosen = from_json(BlessingSettings, settings)
    decision = decide(read_results(evaluation.uri), findings, chosen)
    with fileio.open(os.path.join(blessing.uri, DECISION_FILE), "w") as file:
        file.write(decision.to_json())
    # What TFX's Evaluator notes, and its resolver of the latest blessed model reads.
    blessing.set_int_custom_property("blessed", int(decision.blessed))
    blessing.set_int_custom_property("current_model_id", model.id)
    blessing.set_string_custom_property("current_model", model.uri)


def read_decision(blessing_uri: str) -> Decision:
    """Reads the decision that lies in a blessing's folder."""
    with fileio.open(os.path.join(blessing_uri, DECISION_FILE)) as file:
        return Decision.from_json(file.read())
