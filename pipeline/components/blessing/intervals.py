"""Confidence intervals of means over users, computed from the sums that the Evaluator writes.

They are Student's t intervals. The standard error of a mean of users' values equals the one of the
jackknife over single users.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from pipeline.components.evaluator.paired_moments import MODEL, Moments

Interval = tuple[float, float]


@dataclass(frozen=True)
class Bound:
    """What a model must reach: `constant` + `factor` times the NDCG@10 of a reference.

    Attributes:
        reference: One of those that the evaluation compares. None, the default, is a bound that is
            the constant alone.
        factor: The factor of the reference. 1 by default.
        constant: The constant. 0 by default.
    """

    reference: str | None = None
    factor: float = 1.0
    constant: float = 0.0


def mean_of(moments: Moments, who: str, confidence: float) -> tuple[float, Interval | None]:
    """The mean NDCG@10 of one that is compared, and its confidence interval.

    Args:
        moments: The sums of `pipeline.components.evaluator.paired_moments`.
        who: One of `moments.compared`.
        confidence: The confidence of the two-sided interval, between 0 and 1.

    Returns:
        The mean, and the interval, which is None if there are fewer than two users.
    """
    return _mean(moments, _weights(moments, who), confidence)


def compare(
    moments: Moments, bound: Bound, confidence: float
) -> tuple[float, float, Interval | None]:
    """Compares the model with a bound on the same users.

    Args:
        moments: The sums of `pipeline.components.evaluator.paired_moments`.
        bound: What the model must reach.
        confidence: The confidence of the two-sided interval, between 0 and 1.

    Returns:
        The model's mean NDCG@10, the mean of the bound, and the confidence interval of their
        difference, which is None if there are fewer than two users.
    """
    model, required = _weights(moments, MODEL), bound.constant * _weights(moments, None)
    if bound.reference is not None:
        required = required + bound.factor * _weights(moments, bound.reference)
    _, interval = _mean(moments, model - required, confidence)
    users, totals = moments.sums[0, 0], moments.sums[0]
    return float(totals @ model / users), float(totals @ required / users), interval


def around(mean: float, standard_error: float, users: int, confidence: float) -> Interval:
    """The interval of a mean over users.

    Args:
        mean: The mean.
        standard_error: Its standard error.
        users: How many users there are, at least 2.
        confidence: The confidence of the two-sided interval, between 0 and 1.
    """
    half = float(stats.t.ppf((1 + confidence) / 2, users - 1)) * standard_error
    return mean - half, mean + half


def _weights(moments: Moments, who: str | None) -> np.ndarray:
    """The vector that selects a value of (1, NDCG@10 of each compared). None selects the 1."""
    return np.eye(len(moments.sums))[0 if who is None else 1 + moments.compared.index(who)]


def _mean(
    moments: Moments, weights: np.ndarray, confidence: float
) -> tuple[float, Interval | None]:
    """The mean over users of a weighted sum of their values, and its interval."""
    users = moments.sums[0, 0]
    mean = float(moments.sums[0] @ weights / users)
    if users < 2:
        return mean, None
    variance = max(weights @ moments.sums @ weights - users * mean**2, 0.0) / (users - 1)
    return mean, around(mean, math.sqrt(variance / users), int(users), confidence)
