"""When a model may be pushed: the Evaluator's thresholds, and what a refusal says in words."""

from dataclasses import dataclass

import tensorflow_model_analysis as tfma

from pipeline.ranking_metrics import BASELINES, RankingMetrics, lift_name, metric_name
from pipeline.settings import BlessingSettings

POLICY, METRIC, CUTOFF = "unseen_items", "ndcg", 10
DECIDING_METRIC = metric_name(POLICY, METRIC, CUTOFF)


def eval_config(settings: BlessingSettings) -> tfma.EvalConfig:
    """The evaluation of `rank_examples`: all ranking metrics, overall and by length of history.

    A model is blessed if its NDCG@10 (unseen_items, all test users) reaches `min_ndcg`, is
    `min_lift` times popularity's and recency's, and is at most `max_drop` below the latest
    blessed model's. Without a blessed model the last condition is void.
    """
    at_least = {DECIDING_METRIC: settings.min_ndcg} | {
        lift_name(POLICY, METRIC, CUTOFF, baseline): settings.min_lift for baseline in BASELINES
    }
    thresholds = {
        name: tfma.MetricThreshold(
            value_threshold=tfma.GenericValueThreshold(lower_bound={"value": bound})
        )
        for name, bound in at_least.items()
    }
    thresholds[DECIDING_METRIC].change_threshold.CopyFrom(
        tfma.GenericChangeThreshold(
            direction=tfma.MetricDirection.HIGHER_IS_BETTER,
            absolute={"value": -settings.max_drop},
        )
    )
    return tfma.EvalConfig(
        model_specs=[tfma.ModelSpec(signature_name="rank_examples", label_key="target")],
        slicing_specs=[tfma.SlicingSpec(), tfma.SlicingSpec(feature_keys=["length_group"])],
        metrics_specs=[
            tfma.MetricsSpec(
                metrics=[
                    tfma.MetricConfig(class_name="ExampleCount"),
                    tfma.MetricConfig(
                        class_name=RankingMetrics.__name__, module=RankingMetrics.__module__
                    ),
                ],
                # A plain threshold would hold for every slice, also one of three users.
                per_slice_thresholds={
                    name: tfma.PerSliceMetricThresholds(
                        thresholds=[
                            tfma.PerSliceMetricThreshold(
                                slicing_specs=[tfma.SlicingSpec()], threshold=threshold
                            )
                        ]
                    )
                    for name, threshold in thresholds.items()
                },
            )
        ],
    )


@dataclass(frozen=True)
class Refusal:
    """A threshold that a model failed."""

    metric: str
    value: float
    bound: float
    is_change: bool

    def __str__(self) -> str:
        if self.is_change:
            return (
                f"{self.metric} changed by {self.value:+.4f} against the latest blessed model; "
                f"allowed is {self.bound:+.4f} or better (--max-drop)"
            )
        name = "--min-ndcg" if self.metric == DECIDING_METRIC else "--min-lift"
        return f"{self.metric} is {self.value:.4f}; needed is at least {self.bound:.4f} ({name})"


def refusals(evaluation_uri: str) -> list[Refusal]:
    """Reads which thresholds the model of an Evaluator's output failed; empty if blessed."""
    result = tfma.load_validation_result(evaluation_uri)
    found = []
    for validation in result.metric_validations_per_slice:
        for failure in validation.failures:
            threshold = failure.metric_threshold
            is_change = threshold.HasField("change_threshold")
            found.append(
                Refusal(
                    metric=failure.metric_key.name,
                    value=failure.metric_value.double_value.value,
                    bound=threshold.change_threshold.absolute.value
                    if is_change
                    else threshold.value_threshold.lower_bound.value,
                    is_change=is_change,
                )
            )
    return found
