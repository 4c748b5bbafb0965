"""Reads the Evaluator's output, slice by slice."""

import math
from dataclasses import dataclass

import numpy as np
import tensorflow_model_analysis as tfma

from mclrec_tf.evaluation.ranks import POLICIES
from pipeline.components.evaluator.paired_moments import Moments, compared, moments_name
from pipeline.components.evaluator.slices import ALL_USERS, slice_name
from pipeline.components.evaluator.tfma_metrics import BASELINES, CUTOFFS, METRICS, metric_name

_USERS = "example_count"


@dataclass(frozen=True)
class SliceResult:
    """The evaluation of the users of one slice.

    Attributes:
        users: The number of users.
        metrics: The candidate's metrics by name, see `evaluator.tfma_metrics.metric_name` and
            `evaluator.recommendation_metrics.name_of`; without those that are not known.
        latest_blessed_metrics: The metrics of the latest blessed model. Empty if there is none.
        moments: The sums of `evaluator.paired_moments` by policy.
        baselines: The baselines that were evaluated. An earlier version has fewer than `BASELINES`.
    """

    users: int
    metrics: dict[str, float]
    latest_blessed_metrics: dict[str, float]
    moments: dict[str, Moments]
    baselines: tuple[str, ...] = BASELINES


def read_results(evaluation_uri: str) -> dict[str, SliceResult]:
    """Reads the metrics of an Evaluator's output.

    Args:
        evaluation_uri: The folder of the output.

    Returns:
        The results by the name of the slice. `ALL_USERS` comes first.
    """
    results = {}
    for of_slice in tfma.load_metrics(evaluation_uri):
        keys = of_slice.slice_key.single_slice_keys
        name = slice_name(keys[0].column, keys[0].bytes_value.decode()) if keys else ALL_USERS
        results[name] = _slice_result(of_slice)
    return dict(sorted(results.items(), key=lambda item: (item[0] != ALL_USERS, item[0])))


def _slice_result(of_slice: tfma.proto.metrics_for_slice_pb2.MetricsForSlice) -> SliceResult:
    candidate: dict[str, float] = {}
    latest_blessed: dict[str, float] = {}
    moments = {}
    for pair in of_slice.metric_keys_and_values:
        if pair.key.is_diff:
            continue
        if pair.value.HasField("array_value"):
            array = pair.value.array_value
            moments[pair.key.name] = np.array(array.float64_values).reshape(array.shape)
        else:
            is_baseline = pair.key.model_name == tfma.BASELINE_KEY
            metrics = latest_blessed if is_baseline else candidate
            if not math.isnan(pair.value.double_value.value):
                metrics[pair.key.name] = pair.value.double_value.value
    users = int(candidate.pop(_USERS))
    latest_blessed.pop(_USERS, None)
    baselines = tuple(baseline for baseline in BASELINES if _any_metric(baseline) in candidate)
    names = compared(baselines, bool(latest_blessed))
    by_policy = {policy: Moments(moments[moments_name(policy)], names) for policy in POLICIES}
    return SliceResult(users, candidate, latest_blessed, by_policy, baselines)


def _any_metric(baseline: str) -> str:
    return metric_name(f"{baseline}_{POLICIES[0]}", METRICS[0], CUTOFFS[0])
