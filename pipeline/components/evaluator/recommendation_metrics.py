"""What recommendations are like besides accurate, as TFMA metrics.

The formulas are those of `mclrec_tf.evaluation.beyond_accuracy`, which has their sources. Coverage
and the Gini index need to know how many lists hold each item, so what workers send each other
grows with the items that anybody is recommended: 28 bytes for each of them, in every slice, for the
model, the latest blessed one and every baseline. A million items in ten slices take 0.3 GB a model
if each slice is recommended all of them; the baselines are recommended few. Each worker holds the
catalogue, its names and the candidate's item vectors: 1.1 GB for a million items of 192 numbers.
"""

from collections.abc import Iterable

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from mclrec_tf.evaluation.beyond_accuracy import OF_CATALOGUE, ListTotals
from mclrec_tf.evaluation.list_values import OF_USERS
from mclrec_tf.evaluation.ranking_metrics import CUTOFFS
from pipeline.components.evaluator.known_items import KnownItems, known_items
from pipeline.components.evaluator.list_features import (
    LIST_FEATURES,
    LONGEST,
    MODEL,
    items_name,
    repeats_names,
)
from pipeline.components.evaluator.tfma_metrics import BASELINES, metric_key, metric_name

METRICS = (*OF_CATALOGUE, *OF_USERS)
LABELS = {
    "coverage": "coverage",
    "gini": "Gini index",
    "mean_popularity": "mean popularity",
    "novelty": "novelty",
    "intra_list_similarity": "intra-list similarity",
    "repeat_share": "share of repeats",
}
_USERS_AT_ONCE = 512

# The lists of users that are not summed up yet, int32 `[W, LONGEST]` and `[W, len(CUTOFFS)]` each,
# and the totals of the others; W are the model and, for the candidate, the baselines.
Accumulator = tuple[list[tuple[np.ndarray, np.ndarray]], list[ListTotals]]


def policy_of(metric: str) -> str:
    """The ranking policy of the lists that a metric looks at: what is served, but for repeats."""
    return "all_items" if metric == "repeat_share" else "unseen_items"


def name_of(who: str, metric: str, cutoff: int) -> str:
    """The name of a metric, for example `popularity_unseen_items_coverage_at_10`.

    Args:
        who: `list_features.MODEL`, or one of `BASELINES`.
        metric: One of `METRICS`.
        cutoff: One of `CUTOFFS`.
    """
    policy = policy_of(metric)
    return metric_name(f"{who}_{policy}" if who else policy, metric, cutoff)


def error_name(metric: str, cutoff: int) -> str:
    """The name of the standard error of a model's mean over users."""
    return f"{name_of(MODEL, metric, cutoff)}_standard_error"


class RecommendationMetricsCombiner(beam.CombineFn):
    """Sums up the lists of one model, and of the baselines.

    Items that the catalogue of the run does not hold, which an earlier model may recommend, count
    as no item.

    Args:
        model_name: The model's name in the EvalConfig. "" if it is the only one.
        whose: `list_features.MODEL` and the baselines to look at.
        examples_uri: The folder of the test Examples.
        keras_file: The candidate's Keras file, by whose item vectors all lists are compared.
    """

    def __init__(
        self, model_name: str, whose: tuple[str, ...], examples_uri: str, keras_file: str
    ) -> None:
        self._model_name = model_name
        self._whose = whose
        self._paths = (examples_uri, keras_file)

    @property
    def _known(self) -> KnownItems:
        return known_items(*self._paths)

    def create_accumulator(self) -> Accumulator:
        return [], [ListTotals.sum([]) for _ in self._whose]

    def add_input(
        self, accumulator: Accumulator, element: tfma.metrics.StandardMetricInputs
    ) -> Accumulator:
        found = {
            **(element.get_features() or {}),
            **element.get_predictions(self._model_name or None),
        }
        items = np.zeros((len(self._whose), LONGEST), np.int32)
        repeated = np.full((len(self._whose), len(CUTOFFS)), -1, np.int32)
        ids = self._known.ids
        for row, who in enumerate(self._whose):
            if items_name(who) not in found:
                raise ValueError(
                    f"the test Examples lack the feature {items_name(who)}. Evaluate the output of "
                    "EvaluationFeatures."
                )
            names = np.ravel(found[items_name(who)])[:LONGEST].tolist()
            items[row, : len(names)] = [ids.get(name, 0) for name in names]
            if all(name in found for name in repeats_names(who)):
                repeated[row] = [np.ravel(found[name])[0] for name in repeats_names(who)]
        waiting, totals = accumulator
        waiting.append((items, repeated))
        # Adding up takes as long as the totals, so the more they hold, the more users wait for it.
        most = max(len(of_one.items) for of_one in totals)
        full = len(waiting) >= max(_USERS_AT_ONCE, most // LONGEST)
        return self.compact(accumulator) if full else (waiting, totals)

    def compact(self, accumulator: Accumulator) -> Accumulator:
        waiting, totals = accumulator
        if not waiting:
            return accumulator
        items, repeated = (np.stack(part) for part in zip(*waiting, strict=True))
        added = [
            ListTotals.of(items[:, row], self._known.catalogue, repeated[:, row])
            for row in range(len(self._whose))
        ]
        return [], [ListTotals.sum(pair) for pair in zip(totals, added, strict=True)]

    def merge_accumulators(self, accumulators: Iterable[Accumulator]) -> Accumulator:
        parts = [self.compact(accumulator)[1] for accumulator in accumulators]
        return [], [ListTotals.sum(of_one) for of_one in zip(*parts, strict=True)]

    def extract_output(self, accumulator: Accumulator) -> dict[tfma.metrics.MetricKey, float]:
        _, totals = self.compact(accumulator)
        num_items = self._known.catalogue.num_items
        values: dict[str, float] = {}
        for who, of_one in zip(self._whose, totals, strict=True):
            found = of_one.metrics(num_items)
            values |= {
                name_of(who, metric, cutoff): found[f"{metric}_at_{cutoff}"]
                for metric in METRICS
                for cutoff in CUTOFFS
            }
        errors = totals[0].standard_errors()
        values |= {
            error_name(metric, cutoff): errors[f"{metric}_at_{cutoff}"]
            for metric in OF_USERS
            for cutoff in CUTOFFS
        }
        return {metric_key(name, self._model_name): value for name, value in values.items()}


def measured_with(model_name: str, eval_config: config_pb2.EvalConfig) -> tuple[str, ...]:
    """Whose lists are measured beside those of a model: the baselines', with the new one alone."""
    blessed = [spec.name for spec in eval_config.model_specs if spec.is_baseline]
    return (MODEL,) if model_name in blessed else (MODEL, *BASELINES)


def _keys(model_name: str, whose: tuple[str, ...]) -> list[tfma.metrics.MetricKey]:
    names = [name_of(who, m, cutoff) for who in whose for m in METRICS for cutoff in CUTOFFS]
    names += [error_name(metric, cutoff) for metric in OF_USERS for cutoff in CUTOFFS]
    return [metric_key(name, model_name) for name in names]


def _computations(
    name: str,
    examples_uri: str,
    keras_file: str,
    eval_config: config_pb2.EvalConfig,
    model_names: list[str] | None = None,
    **unused: object,
) -> list[tfma.metrics.MetricComputation]:
    computations = []
    for model in model_names or [""]:
        whose = measured_with(model, eval_config)
        computations.append(
            tfma.metrics.MetricComputation(
                keys=_keys(model, whose),
                preprocessors=[tfma.metrics.FeaturePreprocessor(LIST_FEATURES)],
                combiner=RecommendationMetricsCombiner(model, whose, examples_uri, keras_file),
            )
        )
    return computations


class RecommendationMetrics(tfma.metrics.Metric):
    """`RecommendationMetricsCombiner` of every model, for `MetricConfig`.

    What is not known, such as the repeats of an earlier export, is NaN.

    Args:
        name: The name of the metric.
        examples_uri: The folder of the test Examples, which has the catalogue.
        keras_file: The Keras file of the candidate, by whose item vectors the similarity inside of
            all lists is told. There is none if the file is missing.

    Raises:
        ValueError: There is no `examples_uri`, which the pipeline's Evaluator adds.
    """

    def __init__(
        self, name: str = "recommendation_metrics", examples_uri: str = "", keras_file: str = ""
    ):
        if not examples_uri:
            raise ValueError(
                "RecommendationMetrics: has no examples_uri. Evaluate with the Evaluator of "
                "pipeline.components.evaluator.component, which adds it."
            )
        super().__init__(_computations, name=name, examples_uri=examples_uri, keras_file=keras_file)
