"""Hit rate, NDCG and MRR as TFMA metrics, computed from the ranks a served model returns."""

from collections.abc import Iterable

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma

from mclrec_tf.evaluation.ranking_metrics import CUTOFFS
from mclrec_tf.evaluation.ranks import POLICIES

# Outputs of the signature `rank_examples`, in the order of the accumulator's first axis.
BASELINES = ("popularity", "recency")
RANKINGS = POLICIES + tuple(f"{baseline}_{policy}" for baseline in BASELINES for policy in POLICIES)
METRICS = ("hit_rate", "ndcg", "mrr")
METRIC_LABELS = {"hit_rate": "HR", "ndcg": "NDCG", "mrr": "MRR"}

# One class in an EvalConfig yields every key: TFMA then reads each example once.
Accumulator = tuple[np.ndarray, int]


def metric_name(ranking: str, metric: str, cutoff: int) -> str:
    """Name of a metric, for example `popularity_unseen_items_ndcg_at_10`."""
    return f"{ranking}_{metric}_at_{cutoff}"


def gains(ranks: np.ndarray) -> np.ndarray:
    """Returns what each rank adds to each metric.

    Args:
        ranks: Integers `[n]`, 1 = best.

    Returns:
        float64 `[n, len(METRICS), len(CUTOFFS)]`.
    """
    return _GAINS[np.minimum(ranks, len(_GAINS)) - 1]


def _all_gains() -> np.ndarray:
    """What the ranks from 1 gain; every one beyond the last cut-off gains nothing, as the last."""
    ranks = np.arange(1, max(CUTOFFS) + 2)
    reached = ranks[:, None] <= np.array(CUTOFFS)
    per_rank = (np.ones(len(ranks)), 1.0 / np.log2(ranks + 1.0), 1.0 / ranks)
    return np.stack([value[:, None] * reached for value in per_rank], axis=1)


_GAINS = _all_gains()


def user_ranks(element: tfma.metrics.StandardMetricInputs, model_name: str) -> np.ndarray:
    """The ranks of one user's target in all `RANKINGS` of a model, int64 `[len(RANKINGS)]`."""
    outputs = element.get_predictions(model_name or None)
    return np.array([np.ravel(outputs[f"{name}_rank"])[0] for name in RANKINGS])


class RankingMetricsCombiner(beam.CombineFn):
    """Averages the gains of all rankings of one model.

    Args:
        model_name: The model's name in the EvalConfig, "" if it is the only one.
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
    """TFMA's key of an unweighted metric of a model."""
    return tfma.metrics.MetricKey(name=name, model_name=model_name, example_weighted=None)


def metric_keys(model_name: str) -> list[tfma.metrics.MetricKey]:
    """Every key that the combiner of a model yields."""
    combiner = RankingMetricsCombiner(model_name)
    return list(combiner.extract_output(combiner.create_accumulator()))


def _computations(
    name: str, model_names: list[str] | None = None, **unused: object
) -> list[tfma.metrics.MetricComputation]:
    # TFMA passes every setting of the EvalConfig by name; only the models matter here.
    return [
        tfma.metrics.MetricComputation(
            keys=metric_keys(model),
            preprocessors=None,
            combiner=RankingMetricsCombiner(model),
        )
        for model in model_names or [""]
    ]


class RankingMetrics(tfma.metrics.Metric):
    """Every ranking metric of a model and of its baselines, for `MetricConfig`.

    Reads the outputs `{all_items,unseen_items}_rank` of the signature `rank_examples`, and the
    same with the prefixes `popularity_` and `recency_`. Yields for each of them
    `{hit_rate,ndcg,mrr}_at_{5,10,20}`.

    Example:
        >>> config = MetricConfig(
        ...     class_name="RankingMetrics", module="pipeline.components.evaluator.tfma_metrics"
        ... )
    """

    def __init__(self, name: str = "ranking_metrics"):
        super().__init__(_computations, name=name)
