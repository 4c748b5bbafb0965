"""TFX's Evaluator for orchestrators that always pass a baseline, even to the first model."""

import json
import os
from typing import Any

from tensorflow_model_analysis.proto import config_pb2
from tfx import types
from tfx.components.evaluator import component, executor
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.standard_component_specs import (
    BASELINE_MODEL_KEY,
    EVAL_CONFIG_KEY,
    EXAMPLES_KEY,
    MODEL_KEY,
)
from tfx.utils import path_utils, proto_utils

from pipeline.components.evaluator.category_similarity import CategorySimilarity
from pipeline.components.evaluator.recommendation_metrics import RecommendationMetrics
from pipeline.components.trainer.run_fn import keras_path

STANDS_FOR_NONE = "stands_for_no_model"


class EvaluatorExecutor(executor.Executor):
    """TFX's executor, which treats a baseline that `PreviousRun` marks as absent as no baseline.

    It tells `RecommendationMetrics` and `CategorySimilarity` where the catalogue and the item
    vectors of the run are.

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
        config = _with_catalogue(
            exec_properties[EVAL_CONFIG_KEY],
            artifact_utils.get_single_uri(input_dict[EXAMPLES_KEY]),
            artifact_utils.get_single_instance(input_dict[MODEL_KEY]),
        )
        super().Do(
            {**input_dict, BASELINE_MODEL_KEY: baselines},
            output_dict,
            {**exec_properties, EVAL_CONFIG_KEY: config},
        )


class Evaluator(component.Evaluator):
    """`tfx.components.Evaluator` with `EvaluatorExecutor`. The arguments are the same."""

    EXECUTOR_SPEC = BeamExecutorSpec(EvaluatorExecutor)


def _with_catalogue(eval_config: str, examples_uri: str, model: types.Artifact) -> str:
    """An EvalConfig as JSON, with what is known only when a run has come so far."""
    config = config_pb2.EvalConfig()
    proto_utils.json_to_proto(eval_config, config)
    keras_file = keras_path(path_utils.serving_model_path(model.uri))
    for spec in config.metrics_specs:
        for metric in spec.metrics:
            if metric.class_name == RecommendationMetrics.__name__:
                metric.config = json.dumps({"examples_uri": examples_uri, "keras_file": keras_file})
            elif metric.class_name == CategorySimilarity.__name__:
                metric.config = json.dumps({"examples_uri": examples_uri})
    return proto_utils.proto_to_json(config)


def stands_for_none(model: types.Artifact) -> bool:
    """Whether an artifact only marks that there is no model yet."""
    return bool(model.get_int_custom_property(STANDS_FOR_NONE))


def has_saved_model(model: types.Artifact) -> bool:
    """Whether an artifact contains a SavedModel."""
    return fileio.exists(os.path.join(path_utils.serving_model_path(model.uri), "saved_model.pb"))
