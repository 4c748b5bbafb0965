"""Sums over users of products of their NDCG@10, from which paired confidence intervals follow.

TFMA computes intervals from 20 random parts of the users, so two evaluations of the same models
differ, and its thresholds ignore the intervals. A mean over users needs no resampling: the
jackknife over single users is a formula in these sums, and the difference of two models on the
same users is paired.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from mclrec_tf.evaluation.ranks import POLICIES
from pipeline.components.evaluator.tfma_metrics import (
    BASELINES,
    CUTOFFS,
    METRICS,
    RANKINGS,
    gains,
    metric_key,
    rank_features,
    user_ranks,
)

METRIC, CUTOFF = "ndcg", 10
MODEL, LATEST_BLESSED = "model", "latest_blessed"


class Moments(NamedTuple):
    """Sums v vᵀ over users, where v = (1, NDCG@10 of each that is compared).

    Attributes:
        sums: float64 `[1 + C, 1 + C]`. Element 0, 0 is the number of users.
        compared: Those that are compared, in the order of the rows and columns after the first.
    """

    sums: np.ndarray
    compared: tuple[str, ...]


def compared(baselines: Collection[str], with_latest_blessed: bool) -> tuple[str, ...]:
    """Those that an evaluation compares, in the order of its sums.

    Args:
        baselines: The baselines that it has: `BASELINES`, or fewer of an earlier version.
        with_latest_blessed: Whether it has the latest blessed model.
    """
    known = [baseline for baseline in BASELINES if baseline in baselines]
    return (MODEL, *known, *([LATEST_BLESSED] if with_latest_blessed else []))


def moments_name(policy: str) -> str:
    """The name of the metric, for example `unseen_items_ndcg_at_10_moments`."""
    return f"{policy}_{METRIC}_at_{CUTOFF}_moments"


class PairedMomentsCombiner(beam.CombineFn):
    """The sums of `Moments` for both policies, of the model and all `BASELINES`.

    Args:
        model_name: The candidate's name in the EvalConfig. "" if it is the only model.
        latest_blessed_name: The name of the latest blessed model. None if there is none.
    """

    def __init__(self, model_name: str, latest_blessed_name: str | None):
        self._model_name = model_name
        self._latest_blessed_name = latest_blessed_name
        self._size = 1 + len(compared(BASELINES, bool(latest_blessed_name)))

    def create_accumulator(self) -> np.ndarray:
        return np.zeros((len(POLICIES), self._size, self._size))

    def add_input(
        self, accumulator: np.ndarray, element: tfma.metrics.StandardMetricInputs
    ) -> np.ndarray:
        ranks = user_ranks(element, self._model_name).reshape(-1, len(POLICIES))
        if self._latest_blessed_name:
            other = user_ranks(element, self._latest_blessed_name)[: len(POLICIES)]
            ranks = np.concatenate([ranks, other[None]])
        ndcg = gains(ranks.ravel())[:, METRICS.index(METRIC), CUTOFFS.index(CUTOFF)]
        rows = np.concatenate([np.ones((1, len(POLICIES))), ndcg.reshape(ranks.shape)]).T
        return accumulator + rows[:, :, None] * rows[:, None, :]

    def merge_accumulators(self, accumulators: Iterable[np.ndarray]) -> np.ndarray:
        return np.sum(list(accumulators), axis=0)

    def extract_output(self, accumulator: np.ndarray) -> dict[tfma.metrics.MetricKey, np.ndarray]:
        return {
            metric_key(moments_name(policy), self._model_name): accumulator[index]
            for index, policy in enumerate(POLICIES)
        }


# `add_input` relies on this order: it reshapes the ranks to one row for the model and for each
# baseline, with one column for each policy.
assert POLICIES + tuple(f"{b}_{p}" for b in BASELINES for p in POLICIES) == RANKINGS


def _computations(
    name: str,
    eval_config: config_pb2.EvalConfig,
    model_names: list[str] | None = None,
    **unused: object,
) -> list[tfma.metrics.MetricComputation]:
    blessed = [spec.name for spec in eval_config.model_specs if spec.is_baseline]
    (candidate,) = [model for model in model_names or [""] if model not in blessed]
    combiner = PairedMomentsCombiner(candidate, blessed[0] if blessed else None)
    keys = list(combiner.extract_output(combiner.create_accumulator()))
    return [
        tfma.metrics.MetricComputation(keys=keys, preprocessors=rank_features(), combiner=combiner)
    ]


class PairedMoments(tfma.metrics.Metric):
    """`PairedMomentsCombiner` for `MetricConfig`. It yields arrays, for the candidate only."""

    def __init__(self, name: str = "paired_moments"):
        super().__init__(_computations, name=name)
