"""Confidence intervals of means over users, from the sums that the Evaluator writes.

Student's interval with the standard error of the users' values, which is the jackknife's.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from pipeline.components.evaluator.paired_moments import COMPARED, MODEL

Interval = tuple[float, float]


@dataclass(frozen=True)
class Bound:
    """What a model is held against: `constant` + `factor` times the NDCG@10 of someone.

    Attributes:
        reference: Who, of `COMPARED`; None for nobody.
        factor, constant: How much is asked.
    """

    reference: str | None = None
    factor: float = 1.0
    constant: float = 0.0


def mean_of(moments: np.ndarray, who: str, confidence: float) -> tuple[float, Interval | None]:
    """The mean NDCG@10 of one of `COMPARED`, and its interval."""
    return _mean(moments, _weights(moments, who), confidence)


def compare(
    moments: np.ndarray, bound: Bound, confidence: float
) -> tuple[float, float, Interval | None]:
    """The model's mean, the bound, and the interval of their difference on the same users.

    Args:
        moments: As `pipeline.components.evaluator.paired_moments` sums them.
        bound: What is asked.
        confidence: Of the two-sided interval, which is None where there are fewer than two users.
    """
    model, asked = _weights(moments, MODEL), bound.constant * _weights(moments, None)
    if bound.reference is not None:
        asked = asked + bound.factor * _weights(moments, bound.reference)
    _, interval = _mean(moments, model - asked, confidence)
    users = moments[0, 0]
    return float(moments[0] @ model / users), float(moments[0] @ asked / users), interval


def _weights(moments: np.ndarray, who: str | None) -> np.ndarray:
    """Picks someone's value out of (1, NDCG@10 of each in `COMPARED`); the 1 for None."""
    return np.eye(len(moments))[0 if who is None else 1 + COMPARED.index(who)]


def _mean(
    moments: np.ndarray, weights: np.ndarray, confidence: float
) -> tuple[float, Interval | None]:
    """Mean over users of a weighted sum of their values, and its interval."""
    users = moments[0, 0]
    mean = float(moments[0] @ weights / users)
    if users < 2:
        return mean, None
    variance = max(weights @ moments @ weights - users * mean**2, 0.0) / (users - 1)
    half = float(stats.t.ppf((1 + confidence) / 2, users - 1)) * math.sqrt(variance / users)
    return mean, (mean - half, mean + half)
