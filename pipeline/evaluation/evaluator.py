"""TFX's Evaluator, for a first model too where an orchestrator always hands over a baseline."""

import os
from typing import Any

from tfx import types
from tfx.components.evaluator import component, executor
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.dsl.io import fileio
from tfx.types.standard_component_specs import BASELINE_MODEL_KEY
from tfx.utils import path_utils


class EvaluatorExecutor(executor.Executor):
    """Takes a baseline artifact without a SavedModel, `PreviousRun`'s, for no baseline."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        baselines = [
            model for model in input_dict.get(BASELINE_MODEL_KEY, []) if has_saved_model(model)
        ]
        super().Do({**input_dict, BASELINE_MODEL_KEY: baselines}, output_dict, exec_properties)


class Evaluator(component.Evaluator):
    """`tfx.components.Evaluator` with `EvaluatorExecutor`; same arguments."""

    EXECUTOR_SPEC = BeamExecutorSpec(EvaluatorExecutor)


def has_saved_model(model: types.Artifact) -> bool:
    """Whether an artifact holds a model, and is not what stands for none."""
    return fileio.exists(os.path.join(path_utils.serving_model_path(model.uri), "saved_model.pb"))
