"""When a model is blessed: lines of one form, each with a confidence interval over users.

A line asks for value >= bound, where both are means of NDCG@10 over the same test users and the
bound is a factor times a reference: popularity, recency, the latest blessed model. The interval
is that of the mean of the users' differences, so it is paired.

NDCG@10 ends at 1, and a factor above 1 would ask the impossible where a baseline comes near: 1.05
times .97 is more than a perfect model has. There the same factor is asked of the distance to 1
instead, which has to be that much smaller. The lower of the two bounds counts; they are equal
where the baseline's NDCG@10 is 1 / (factor + 1).

- **All users: the candidate bears the burden of proof.** The whole interval must lie at or above
  0. What goes out is then, with the confidence asked for, better than the baselines and not worse
  than the latest blessed model by more than the tolerance; a small drop every night cannot hide
  in the noise.
- **A slice: the refusal bears it.** Only an interval that lies below 0 refuses. Slices are small
  and many: to ask each for proof would refuse good models most nights. The confidence is shared
  between the slices (Bonferroni), so that all of them together refuse a good model as seldom as
  one line would. Slices of fewer than `min_slice_users` users are shown and do not vote.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.components.blessing.intervals import Bound, Interval, compare
from pipeline.components.evaluator.paired_moments import LATEST_BLESSED
from pipeline.components.evaluator.results import SliceResult
from pipeline.components.evaluator.slices import ALL_USERS, judged_policy
from pipeline.components.evaluator.tfma_metrics import BASELINES
from pipeline.settings import BlessingSettings

SERVABLE = "TensorFlow Serving can serve it"
# Differences that are equal for all users leave this much of an interval, by sums of floats.
_ROUNDING = 1e-7


@dataclass(frozen=True)
class Line:
    """One condition, and how the model stands to it.

    Attributes:
        line: What is asked.
        slice: Of which users.
        value: The model's NDCG@10, under the slice's policy.
        bound: What it must reach.
        interval: Of value - bound; None where there are fewer than two users.
        users: How many there are.
        passed: Whether the line lets the model through.
        note: The verdict in words.
    """

    line: str
    slice: str
    value: float | None
    bound: float | None
    interval: Interval | None
    users: int
    passed: bool
    note: str

    def __str__(self) -> str:
        if self.value is None or self.bound is None:
            return f"{self.line}: {self.note}"
        interval = ""
        if self.interval:
            interval = f", interval {self.interval[0]:+.4f} to {self.interval[1]:+.4f}"
        return (
            f"{self.slice}: NDCG@10 ({judged_policy(self.slice)}) is {self.value:.4f}; asked is "
            f"{self.line}, here {self.bound:.4f}; difference {self.value - self.bound:+.4f}"
            f"{interval}, {self.users:,} users: {self.note}"
        )


@dataclass(frozen=True)
class Decision:
    """All lines; the model is blessed if every one lets it through."""

    lines: list[Line]

    @property
    def blessed(self) -> bool:
        return all(line.passed for line in self.lines)

    @property
    def failed(self) -> list[Line]:
        return [line for line in self.lines if not line.passed]

    def to_json(self) -> str:
        rows = [dataclasses.asdict(line) for line in self.lines]
        return json.dumps({"blessed": self.blessed, "lines": rows}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Decision":
        def line(row: dict[str, Any]) -> Line:
            return Line(**row | {"interval": row["interval"] and tuple(row["interval"])})

        return cls([line(row) for row in json.loads(text)["lines"]])


def decide(
    results: Mapping[str, SliceResult], export_findings: str, settings: BlessingSettings
) -> Decision:
    """Holds a model against every line.

    Args:
        results: The evaluation, as `read_results` returns it.
        export_findings: Why the export cannot be served; "" if it can.
        settings: Margins, tolerance and confidence.
    """
    everybody = results[ALL_USERS]
    lines = []
    if settings.min_ndcg:
        asked = f"at least {settings.min_ndcg:g} (--min-ndcg)"
        bound = Bound(constant=settings.min_ndcg)
        lines.append(_proven(asked, everybody, bound, settings.confidence))
    if settings.min_lift:
        lines += [
            _better(baseline, everybody, settings.min_lift, settings.confidence)
            for baseline in BASELINES
        ]
    if everybody.latest_blessed_metrics and settings.max_drop < 1:
        kept = 1 - settings.max_drop
        asked = f"{kept:g} times the latest blessed model (--max-drop)"
        bound = Bound(LATEST_BLESSED, kept)
        lines.append(_proven(asked, everybody, bound, settings.confidence))
        slices = {name: result for name, result in results.items() if name != ALL_USERS}
        voting = sum(result.users >= settings.min_slice_users for result in slices.values())
        confidence = 1 - (1 - settings.confidence) / max(voting, 1)
        lines += [
            _not_refuted(asked, name, result, bound, confidence, settings.min_slice_users)
            for name, result in slices.items()
        ]
    note = export_findings or "every signature answers"
    lines.append(
        Line(SERVABLE, ALL_USERS, None, None, None, everybody.users, not export_findings, note)
    )
    return Decision(lines)


def _better(baseline: str, result: SliceResult, lift: float, confidence: float) -> Line:
    """The line that asks for a lift over a baseline."""
    line = _proven(
        f"{lift:g} times {baseline} (--min-lift)", result, Bound(baseline, lift), confidence
    )
    if lift > 1:
        nearer = _proven(
            f"a distance to 1 of 1/{lift:g} of that of {baseline} (--min-lift)",
            result,
            Bound(baseline, 1 / lift, constant=1 - 1 / lift),
            confidence,
        )
        assert line.bound is not None and nearer.bound is not None
        line = line if line.bound <= nearer.bound else nearer
    if not line.value:
        # 0 is 1.05 times 0, and still no user is hit.
        line = dataclasses.replace(line, passed=False, note="missed, no user is hit")
    return line


def _proven(asked: str, result: SliceResult, bound: Bound, confidence: float) -> Line:
    """A line that all users must be shown to reach."""
    moments = result.moments[judged_policy(ALL_USERS)]
    value, at_least, interval = compare(moments, bound, confidence)
    passed = interval is not None and interval[0] >= -_ROUNDING
    note = "proven" if passed else "missed" if value < at_least - _ROUNDING else "not proven"
    return Line(asked, ALL_USERS, value, at_least, interval, result.users, passed, note)


def _not_refuted(
    asked: str, name: str, result: SliceResult, bound: Bound, confidence: float, min_users: int
) -> Line:
    """A line that refuses only a slice that is shown to miss it."""
    moments = result.moments[judged_policy(name)]
    value, at_least, interval = compare(moments, bound, confidence)
    if result.users < min_users:
        passed, note = True, f"does not vote, fewer than {min_users} users"
    else:
        passed = interval is None or interval[1] >= -_ROUNDING
        reached = value >= at_least - _ROUNDING
        note = ("reached" if reached else "within the noise") if passed else "missed"
    return Line(asked, name, value, at_least, interval, result.users, passed, note)
