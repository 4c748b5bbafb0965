"""TFX's Evaluator, for a first model too where an orchestrator always hands over a baseline."""

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
    """Takes a baseline that `PreviousRun` marks as none for no baseline.

    One that is gone is an error: the candidate would be compared with nothing.
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
                raise FileNotFoundError(f"{baseline.uri}, to compare with, holds no SavedModel")
        super().Do({**input_dict, BASELINE_MODEL_KEY: baselines}, output_dict, exec_properties)


class Evaluator(component.Evaluator):
    """`tfx.components.Evaluator` with `EvaluatorExecutor`; same arguments."""

    EXECUTOR_SPEC = BeamExecutorSpec(EvaluatorExecutor)


def stands_for_none(model: types.Artifact) -> bool:
    """Whether an artifact says that there is no model yet, where there has to be an artifact."""
    return bool(model.get_int_custom_property(STANDS_FOR_NONE))


def has_saved_model(model: types.Artifact) -> bool:
    """Whether an artifact holds a model."""
    return fileio.exists(os.path.join(path_utils.serving_model_path(model.uri), "saved_model.pb"))
