"""How alike recommended items are by the categories of a table of the catalogue, as a TFMA metric.

The formula is that of `mclrec_tf.evaluation.category_similarity`. Runs without categories have no
such metric.
"""

from collections.abc import Iterable

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from mclrec_tf.evaluation.category_similarity import category_similarity
from mclrec_tf.evaluation.ranking_metrics import CUTOFFS
from pipeline.components.evaluator.known_items import known_categories
from pipeline.components.evaluator.list_features import LIST_FEATURES, LONGEST, items_name
from pipeline.components.evaluator.recommendation_metrics import measured_with, name_of
from pipeline.components.evaluator.tfma_metrics import metric_key

METRIC = "category_similarity"
LABEL = "similarity by categories"
_USERS_AT_ONCE = 512

# The lists of users that are not summed up yet, int32 `[W, LONGEST]` each, and for each of W and of
# `CUTOFFS` how many users have a value, and its sum; W are the model and, for the candidate, the
# baselines.
Accumulator = tuple[list[np.ndarray], np.ndarray]


class CategorySimilarityCombiner(beam.CombineFn):
    """The mean over users of the similarity of what one model, and the baselines, recommend.

    Args:
        model_name: The model's name in the EvalConfig. "" if it is the only one.
        whose: `list_features.MODEL` and the baselines to look at.
        examples_uri: The folder of the test Examples, which has the categories.
    """

    def __init__(self, model_name: str, whose: tuple[str, ...], examples_uri: str) -> None:
        self._model_name = model_name
        self._whose = whose
        self._examples_uri = examples_uri

    def create_accumulator(self) -> Accumulator:
        return [], np.zeros((len(self._whose), len(CUTOFFS), 2))

    def add_input(
        self, accumulator: Accumulator, element: tfma.metrics.StandardMetricInputs
    ) -> Accumulator:
        found = {
            **(element.get_features() or {}),
            **element.get_predictions(self._model_name or None),
        }
        ids, _ = known_categories(self._examples_uri)
        items = np.zeros((len(self._whose), LONGEST), np.int32)
        for row, who in enumerate(self._whose):
            names = np.ravel(found[items_name(who)])[:LONGEST].tolist()
            items[row, : len(names)] = [ids.get(name, 0) for name in names]
        waiting, totals = accumulator
        waiting.append(items)
        return self.compact(accumulator) if len(waiting) >= _USERS_AT_ONCE else accumulator

    def compact(self, accumulator: Accumulator) -> Accumulator:
        waiting, totals = accumulator
        if not waiting:
            return accumulator
        _, values = known_categories(self._examples_uri)
        if values is None:  # The table has vectors alone.
            return [], totals
        items = np.stack(waiting, axis=1)
        similar = np.stack([category_similarity(of_one, values) for of_one in items])
        known = ~np.isnan(similar)
        sums = np.stack([known.sum(1), np.where(known, similar, 0).sum(1)], axis=-1)
        return [], totals + sums

    def merge_accumulators(self, accumulators: Iterable[Accumulator]) -> Accumulator:
        return [], sum((self.compact(a)[1] for a in accumulators), self.create_accumulator()[1])

    def extract_output(self, accumulator: Accumulator) -> dict[tfma.metrics.MetricKey, float]:
        _, totals = self.compact(accumulator)
        return {
            metric_key(name_of(who, METRIC, cutoff), self._model_name): (
                float(total / count) if count else np.nan
            )
            for who, of_one in zip(self._whose, totals, strict=True)
            for cutoff, (count, total) in zip(CUTOFFS, of_one, strict=True)
        }


def _computations(
    name: str,
    examples_uri: str,
    eval_config: config_pb2.EvalConfig,
    model_names: list[str] | None = None,
    **unused: object,
) -> list[tfma.metrics.MetricComputation]:
    computations = []
    for model in model_names or [""]:
        whose = measured_with(model, eval_config)
        names = [name_of(who, METRIC, cutoff) for who in whose for cutoff in CUTOFFS]
        computations.append(
            tfma.metrics.MetricComputation(
                keys=[metric_key(each, model) for each in names],
                preprocessors=[tfma.metrics.FeaturePreprocessor(LIST_FEATURES)],
                combiner=CategorySimilarityCombiner(model, whose, examples_uri),
            )
        )
    return computations


class CategorySimilarity(tfma.metrics.Metric):
    """`CategorySimilarityCombiner` of every model, for `MetricConfig`.

    Args:
        name: The name of the metric.
        examples_uri: The folder of the test Examples, which the pipeline's Evaluator adds.
    """

    def __init__(self, name: str = METRIC, examples_uri: str = "") -> None:
        super().__init__(_computations, name=name, examples_uri=examples_uri)
