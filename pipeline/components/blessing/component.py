"""The component that blesses a model, by its quality and by whether its export can be served."""

import os

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio
from tfx.types.standard_artifacts import InfraBlessing, Model, ModelBlessing, ModelEvaluation

from pipeline.components.blessing.criterion import Decision
from pipeline.components.blessing.decision import decide
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
    """Blesses a model that meets every criterion of `pipeline.components.blessing.decision`.

    A model that cannot be served is never blessed, so later models are never compared with it. The
    component writes `decision.json` to the folder of the blessing. A refusal does not stop the
    pipeline: Pusher reads `blessed` and leaves the served model in place.

    Args:
        model: Trainer's output.
        evaluation: Evaluator's output.
        export_check: ExportCheck's output.
        settings: `BlessingSettings` as JSON. They are not an input of the Evaluator, so a model can
            be judged by other thresholds without another evaluation.
        blessing: The output, with the custom property `blessed`, 1 or 0.
    """
    findings = findings_of_refusal(
        blessing_uri=export_check.uri, blessed=export_check.get_int_custom_property("blessed")
    )
    chosen = from_json(BlessingSettings, settings)
    decision = decide(read_results(evaluation.uri), findings, chosen)
    with fileio.open(os.path.join(blessing.uri, DECISION_FILE), "w") as file:
        file.write(decision.to_json())
    # TFX's Evaluator sets these properties, and TFX's resolver of the latest blessed model reads
    # them.
    blessing.set_int_custom_property("blessed", int(decision.blessed))
    blessing.set_int_custom_property("current_model_id", model.id)
    blessing.set_string_custom_property("current_model", model.uri)


def read_decision(blessing_uri: str) -> Decision:
    """Reads the decision from the folder of a blessing."""
    with fileio.open(os.path.join(blessing_uri, DECISION_FILE)) as file:
        return Decision.from_json(file.read())
