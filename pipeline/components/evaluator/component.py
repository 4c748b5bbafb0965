"""TFX's Evaluator for orchestrators that always pass a baseline, even to the first model."""

import os
from typing import Any

from tfx import types
from tfx.components.evaluator import component, executor
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.dsl.io import fileio
from tfx.types.standard_component_specs import BASELINE_MODEL_KEY
from tfx.utils import path_utils

STANDS_FOR_NONE = "stands_for_no_model"


class EvaluatorExecutor(executor.Executor):
    """TFX's executor, which treats a baseline that `PreviousRun` marks as absent as no baseline.

    Raises:
        FileNotFoundError: There should be a baseline, but its files are gone. Otherwise the
            candidate would be compared with nothing, and nobody would notice.
    """

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        baselines = [m for m in input_dict.get(BASELINE_MODEL_KEY, []) if not stands_for_none(m)]
        for baseline in baselines:
            if not has_saved_model(baseline):
                raise FileNotFoundError(
                    f"{baseline.uri}: the model to compare with is gone. Put it back, or go on "
                    "without it with --accept-missing."
                )
        super().Do({**input_dict, BASELINE_MODEL_KEY: baselines}, output_dict, exec_properties)


class Evaluator(component.Evaluator):
    """`tfx.components.Evaluator` with `EvaluatorExecutor`. The arguments are the same."""

    EXECUTOR_SPEC = BeamExecutorSpec(EvaluatorExecutor)


def stands_for_none(model: types.Artifact) -> bool:
    """Whether an artifact only marks that there is no model yet."""
    return bool(model.get_int_custom_property(STANDS_FOR_NONE))


def has_saved_model(model: types.Artifact) -> bool:
    """Whether an artifact contains a SavedModel."""
    return fileio.exists(os.path.join(path_utils.serving_model_path(model.uri), "saved_model.pb"))
