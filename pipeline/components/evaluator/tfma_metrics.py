"""Hit rate, NDCG and MRR as TFMA metrics, computed from ranks.

The served model returns its own ranks and those of the baselines that need no more than the
vocabulary. The ranks of the counted transitions are features of the Examples.
"""

from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma

from mclrec_tf.evaluation.ranking_metrics import CUTOFFS
from mclrec_tf.evaluation.ranks import POLICIES

COUNTED = "transitions"
BASELINES = ("popularity", "recency", COUNTED)
# In the order of the accumulator's first axis.
RANKINGS = POLICIES + tuple(f"{baseline}_{policy}" for baseline in BASELINES for policy in POLICIES)
METRICS = ("hit_rate", "ndcg", "mrr")
METRIC_LABELS = {"hit_rate": "HR", "ndcg": "NDCG", "mrr": "MRR"}

# Totals, float64 `[len(RANKINGS), len(METRICS), len(CUTOFFS)]`, and the number of users. One
# combiner has all metrics, so that TFMA reads each example once.
Accumulator = tuple[np.ndarray, int]


def rank_name(ranking: str) -> str:
    """The name of an output or feature with ranks, for example `transitions_all_items_rank`."""
    return f"{ranking}_rank"


RANK_FEATURES = tuple(rank_name(f"{COUNTED}_{policy}") for policy in POLICIES)
"""The features of the Examples that have ranks. EvaluationFeatures writes them."""


def metric_name(ranking: str, metric: str, cutoff: int) -> str:
    """The name of a metric, for example `popularity_unseen_items_ndcg_at_10`."""
    return f"{ranking}_{metric}_at_{cutoff}"


def gains(ranks: np.ndarray) -> np.ndarray:
    """The gain of each rank in each metric.

    Args:
        ranks: Integers `[n]`, from 1, which is the best.

    Returns:
        float64 `[n, len(METRICS), len(CUTOFFS)]`.
    """
    return _GAINS[np.minimum(ranks, len(_GAINS)) - 1]


def _all_gains() -> np.ndarray:
    """The gains of the ranks from 1. The last row, all zeros, stands for every rank beyond."""
    ranks = np.arange(1, max(CUTOFFS) + 2)
    reached = ranks[:, None] <= np.array(CUTOFFS)
    per_rank = (np.ones(len(ranks)), 1.0 / np.log2(ranks + 1.0), 1.0 / ranks)
    return np.stack([value[:, None] * reached for value in per_rank], axis=1)


_GAINS = _all_gains()


def user_ranks(element: tfma.metrics.StandardMetricInputs, model_name: str) -> np.ndarray:
    """The ranks of one user's target in all `RANKINGS`, int64 `[len(RANKINGS)]`.

    Args:
        element: The predictions for one user, and the user's `RANK_FEATURES`.
        model_name: The model's name in the EvalConfig. "" if it is the only one.

    Raises:
        ValueError: The Example lacks a feature.
    """
    features = element.get_features() or {}
    found = {**element.get_predictions(model_name or None), **features}
    missing = [name for name in RANK_FEATURES if name not in features]
    if missing:
        raise ValueError(
            f"the test Examples lack the features {', '.join(missing)}. Evaluate the output of "
            "EvaluationFeatures."
        )
    return np.array([np.ravel(found[rank_name(ranking)])[0] for ranking in RANKINGS])


def rank_features() -> list[Any]:
    """What passes `RANK_FEATURES` on to a combiner, beside the predictions."""
    return [tfma.metrics.FeaturePreprocessor(RANK_FEATURES)]


class RankingMetricsCombiner(beam.CombineFn):
    """Averages the gains of all rankings of one model.

    Args:
        model_name: The model's name in the EvalConfig. "" if it is the only one.
    """

    def __init__(self, model_name: str):
        self._model_name = model_name

    def create_accumulator(self) -> Accumulator:
        return np.zeros((len(RANKINGS), len(METRICS), len(CUTOFFS))), 0

    def add_input(
        self, accumulator: Accumulator, element: tfma.metrics.StandardMetricInputs
    ) -> Accumulator:
        totals, count = accumulator
        ranks = user_ranks(element, self._model_name)
        return totals + gains(ranks), count + 1

    def merge_accumulators(self, accumulators: Iterable[Accumulator]) -> Accumulator:
        totals, counts = zip(*accumulators, strict=True)
        return np.sum(totals, axis=0), sum(counts)

    def extract_output(self, accumulator: Accumulator) -> dict[tfma.metrics.MetricKey, float]:
        totals, count = accumulator
        means = totals / count if count else np.full_like(totals, np.nan)
        values = {
            metric_name(ranking, metric, cutoff): means[r, m, c]
            for r, ranking in enumerate(RANKINGS)
            for m, metric in enumerate(METRICS)
            for c, cutoff in enumerate(CUTOFFS)
        }
        return {metric_key(name, self._model_name): float(value) for name, value in values.items()}


def metric_key(name: str, model_name: str) -> tfma.metrics.MetricKey:
    """TFMA's key for an unweighted metric of a model."""
    return tfma.metrics.MetricKey(name=name, model_name=model_name, example_weighted=None)


def metric_keys(model_name: str) -> list[tfma.metrics.MetricKey]:
    """All keys that the combiner of a model yields."""
    combiner = RankingMetricsCombiner(model_name)
    return list(combiner.extract_output(combiner.create_accumulator()))


def _computations(
    name: str, model_names: list[str] | None = None, **unused: object
) -> list[tfma.metrics.MetricComputation]:
    # TFMA passes all settings of the EvalConfig by name. Only the names of the models matter here.
    return [
        tfma.metrics.MetricComputation(
            keys=metric_keys(model),
            preprocessors=rank_features(),
            combiner=RankingMetricsCombiner(model),
        )
        for model in model_names or [""]
    ]


class RankingMetrics(tfma.metrics.Metric):
    """Every ranking metric of a model and of its baselines, for `MetricConfig`.

    It reads the outputs `{all_items,unseen_items}_rank` of the signature `rank_examples`, the same
    outputs with the prefixes `popularity_` and `recency_`, and the features of the Examples with
    the prefix `transitions_`. For each of them it yields `{hit_rate,ndcg,mrr}_at_{5,10,20}`.

    Example:
        >>> from tensorflow_model_analysis.proto.config_pb2 import MetricConfig
        >>> config = MetricConfig(
        ...     class_name="RankingMetrics", module="pipeline.components.evaluator.tfma_metrics"
        ... )
    """

    def __init__(self, name: str = "ranking_metrics"):
        super().__init__(_computations, name=name)
