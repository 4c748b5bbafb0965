"""Criteria of what a model recommends, besides how accurately: off unless a setting asks for them.

The values are those of the 10 best items of all test users, see
`mclrec_tf.evaluation.beyond_accuracy`, and the bounds are the settings themselves.

- A mean over users (popularity, novelty, similarity, share of repeats) has a confidence interval,
  and the candidate bears the burden of proof: all of the interval has to be on the right side of
  the bound.
- Coverage and the Gini index are of all lists together. They are no means over users and have no
  interval; the value itself decides.
"""

from typing import NamedTuple

from mclrec_tf.evaluation.list_values import OF_USERS
from pipeline.components.blessing.criterion import ROUNDING, Criterion
from pipeline.components.blessing.intervals import Interval, around
from pipeline.components.evaluator.list_features import MODEL
from pipeline.components.evaluator.recommendation_metrics import (
    LABELS,
    error_name,
    name_of,
    policy_of,
)
from pipeline.components.evaluator.results import SliceResult
from pipeline.components.evaluator.slices import ALL_USERS
from pipeline.settings import BlessingSettings, option

CUTOFF = 10


class _Line(NamedTuple):
    """A setting, and the metric that it bounds from below or from above."""

    setting: str
    metric: str
    is_least: bool


_LINES = (
    _Line("min_coverage", "coverage", True),
    _Line("max_gini", "gini", False),
    _Line("max_popularity", "mean_popularity", False),
    _Line("min_novelty", "novelty", True),
    _Line("max_similarity", "intra_list_similarity", False),
    _Line("max_repeats", "repeat_share", False),
)
# Why an evaluation that has other values of lists may lack one.
_REASONS = {
    "intra_list_similarity": "the model has no Keras file beside its export, in which the vectors "
    "of the items are. Train it anew (--fresh)",
    "repeat_share": "an earlier version wrote the export, which does not tell repeats. Train the "
    "model anew (--fresh)",
}


def recommendation_criteria(everybody: SliceResult, settings: BlessingSettings) -> list[Criterion]:
    """The criteria that the settings ask for.

    Args:
        everybody: The evaluation of all users.
        settings: Bounds, and the confidence of the intervals.

    Raises:
        ValueError: The evaluation lacks a metric that a setting asks for.
    """
    # At its default, a setting asks for nothing.
    nothing = BlessingSettings()
    return [
        _criterion(line, everybody, getattr(settings, line.setting), settings.confidence)
        for line in _LINES
        if getattr(settings, line.setting) != getattr(nothing, line.setting)
    ]


def _criterion(line: _Line, everybody: SliceResult, bound: float, confidence: float) -> Criterion:
    requirement = (
        f"{LABELS[line.metric]} of {'at least' if line.is_least else 'at most'} {bound:g} "
        f"({option(line.setting)})"
    )
    value = everybody.metrics.get(name_of(MODEL, line.metric, CUTOFF))
    if value is None:
        return _without_value(line, everybody, requirement)
    standard_error = everybody.metrics.get(error_name(line.metric, CUTOFF))
    interval: Interval | None = None
    if standard_error is not None and everybody.users > 1:
        interval = around(value - bound, standard_error, everybody.users, confidence)
    # What is no mean over users decides by its value.
    is_mean = line.metric in OF_USERS
    worst = (interval or (value - bound,) * 2)[0 if line.is_least else 1]
    sign = 1 if line.is_least else -1
    passed = sign * worst >= -ROUNDING and (interval is not None or not is_mean)
    missed = sign * (value - bound) < -ROUNDING
    note = ("proven" if is_mean else "reached") if passed else "missed" if missed else "not proven"
    return Criterion(
        requirement,
        ALL_USERS,
        value,
        bound,
        interval,
        everybody.users,
        passed,
        note,
        metric=f"{LABELS[line.metric]}@{CUTOFF}",
        policy=policy_of(line.metric),
    )


def _without_value(line: _Line, everybody: SliceResult, requirement: str) -> Criterion:
    """Tells why there is no value, or refuses a model that recommends nothing to anybody."""
    if name_of(MODEL, "coverage", CUTOFF) not in everybody.metrics:
        raise ValueError(
            f"evaluation: has no {LABELS[line.metric]}, for which {option(line.setting)} asks; an "
            "earlier version wrote it. Run the Evaluator again."
        )
    if line.metric in _REASONS:
        raise ValueError(
            f"evaluation: has no {LABELS[line.metric]}, for which {option(line.setting)} asks: "
            f"{_REASONS[line.metric]}, or leave out {option(line.setting)}."
        )
    note = "missed, nobody is recommended anything"
    return Criterion(requirement, ALL_USERS, None, None, None, everybody.users, False, note)
