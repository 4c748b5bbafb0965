"""Whether a model is blessed: criteria of one form, each with a confidence interval over users.

A criterion of accuracy requires value >= bound. Both are means of NDCG@10 over the same test users,
and the bound is a factor times a reference: popularity, recency, the counted transitions, or the
latest blessed model. The interval is that of the mean of the users' differences, so it is paired.

NDCG@10 is at most 1, so a factor above 1 would require the impossible of a model whose baseline
comes near 1: 1.05 times 0.97 is more than a perfect model reaches. There the factor applies to the
distance to 1 instead, which has to be smaller by that factor. The lower of the two bounds counts.
They are equal where the baseline's NDCG@10 is 1 / (factor + 1).

- **Over all users, the candidate bears the burden of proof.** The whole interval must lie at or
  above 0. With the chosen confidence, a pushed model is then better than the baselines, and not
  worse than the latest blessed model by more than the tolerance. A small drop every night cannot
  hide in the noise.
- **For a slice, the refusal bears the burden of proof.** Only an interval that lies below 0
  refuses the model. Slices are small and many, so requiring proof for each would refuse good models
  most nights. The confidence is shared between the slices (Bonferroni correction), so that all of
  them together refuse a good model as rarely as one criterion would. Slices of fewer than
  `min_slice_users` users are shown and do not vote.

What recommendations are like besides accurate is judged over all users, and only if a setting asks
for it: `pipeline.components.blessing.recommendation_criteria`.
"""

import dataclasses
from collections.abc import Mapping

from pipeline.components.blessing.criterion import ROUNDING, Criterion, Decision
from pipeline.components.blessing.intervals import Bound, compare
from pipeline.components.blessing.recommendation_criteria import recommendation_criteria
from pipeline.components.evaluator.paired_moments import LATEST_BLESSED
from pipeline.components.evaluator.results import SliceResult
from pipeline.components.evaluator.slices import ALL_USERS, judged_policy
from pipeline.components.evaluator.tfma_metrics import BASELINES, COUNTED
from pipeline.settings import BlessingSettings

SERVABLE = "TensorFlow Serving can serve it"


def decide(
    results: Mapping[str, SliceResult], export_findings: str, settings: BlessingSettings
) -> Decision:
    """Compares a model with every criterion.

    Args:
        results: The evaluation, as `read_results` returns it.
        export_findings: Why the export cannot be served. "" if it can.
        settings: Thresholds, tolerance and confidence.

    Raises:
        ValueError: The evaluation lacks a baseline, as those of earlier versions do, or what one
            of the settings asks for.
    """
    everybody = results[ALL_USERS]
    if missing := [baseline for baseline in BASELINES if baseline not in everybody.baselines]:
        raise ValueError(
            f"evaluation: has no {' and no '.join(missing)}, with which a model is compared; an "
            "earlier version wrote it. Run the Evaluator again."
        )
    criteria = []
    if settings.min_ndcg:
        requirement = f"at least {settings.min_ndcg:g} (--min-ndcg)"
        bound = Bound(constant=settings.min_ndcg)
        criteria.append(_proven(requirement, everybody, bound, settings.confidence))
    if settings.min_lift:
        criteria += [
            _better(baseline, everybody, _lift_over(baseline, settings), settings.confidence)
            for baseline in BASELINES
        ]
    if everybody.latest_blessed_metrics and settings.max_drop < 1:
        kept = 1 - settings.max_drop
        requirement = f"{kept:g} times the latest blessed model (--max-drop)"
        bound = Bound(LATEST_BLESSED, kept)
        criteria.append(_proven(requirement, everybody, bound, settings.confidence))
        slices = {name: result for name, result in results.items() if name != ALL_USERS}
        voting = sum(result.users >= settings.min_slice_users for result in slices.values())
        confidence = 1 - (1 - settings.confidence) / max(voting, 1)
        criteria += [
            _not_refuted(requirement, name, result, bound, confidence, settings.min_slice_users)
            for name, result in slices.items()
        ]
    criteria += recommendation_criteria(everybody, settings)
    note = export_findings or "every signature answers"
    criteria.append(
        Criterion(SERVABLE, ALL_USERS, None, None, None, everybody.users, not export_findings, note)
    )
    return Decision(criteria)


def _lift_over(baseline: str, settings: BlessingSettings) -> float:
    """What is asked over a baseline: of the counted transitions no more than to be reached.

    Who follows whom is most of what there is to know in some logs, where no model is 5 % better.
    """
    return min(settings.min_lift, 1.0) if baseline == COUNTED else settings.min_lift


def _better(baseline: str, result: SliceResult, lift: float, confidence: float) -> Criterion:
    """The criterion that requires a lift over a baseline."""
    criterion = _proven(
        f"{lift:g} times {baseline} (--min-lift)", result, Bound(baseline, lift), confidence
    )
    if lift > 1:
        nearer = _proven(
            f"a distance to 1 of 1/{lift:g} of that of {baseline} (--min-lift)",
            result,
            Bound(baseline, 1 / lift, constant=1 - 1 / lift),
            confidence,
        )
        assert criterion.bound is not None and nearer.bound is not None
        criterion = criterion if criterion.bound <= nearer.bound else nearer
    if not criterion.value:
        # If model and baseline have 0, the bound is reached, but the model hits no user's target.
        criterion = dataclasses.replace(criterion, passed=False, note="missed, no user is hit")
    return criterion


def _proven(requirement: str, result: SliceResult, bound: Bound, confidence: float) -> Criterion:
    """A criterion that passes only if the interval over all users proves it."""
    moments = result.moments[judged_policy(ALL_USERS)]
    value, at_least, interval = compare(moments, bound, confidence)
    passed = interval is not None and interval[0] >= -ROUNDING
    note = "proven" if passed else "missed" if value < at_least - ROUNDING else "not proven"
    return Criterion(requirement, ALL_USERS, value, at_least, interval, result.users, passed, note)


def _not_refuted(
    requirement: str,
    name: str,
    result: SliceResult,
    bound: Bound,
    confidence: float,
    min_users: int,
) -> Criterion:
    """A criterion that fails only if the interval over a slice refutes it."""
    moments = result.moments[judged_policy(name)]
    value, at_least, interval = compare(moments, bound, confidence)
    if result.users < min_users:
        passed, note = True, f"does not vote, fewer than {min_users} users"
    else:
        passed = interval is None or interval[1] >= -ROUNDING
        reached = value >= at_least - ROUNDING
        note = ("reached" if reached else "within the noise") if passed else "missed"
    return Criterion(requirement, name, value, at_least, interval, result.users, passed, note)
