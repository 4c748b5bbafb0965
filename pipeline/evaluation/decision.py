"""When a model is blessed: lines of one form, each with a confidence interval over users.

A line asks for value >= bound, where both are means of NDCG@10 over the same test users and the
bound is a factor times a reference: popularity, recency, the latest blessed model. The interval
is that of the mean of the users' differences, so it is paired.

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

from pipeline.evaluation.intervals import Interval, compare
from pipeline.evaluation.paired_moments import LATEST_BLESSED
from pipeline.evaluation.ranking_metrics import BASELINES
from pipeline.evaluation.results import SliceResult
from pipeline.evaluation.slices import ALL_USERS, judged_policy
from pipeline.settings import BlessingSettings

SERVABLE = "TensorFlow Serving can serve it"


@dataclass(frozen=True)
class Line:
    """One condition, and how the model stands to it.

    Attributes:
        line: what is asked.
        slice: of which users.
        value: the model's NDCG@10, under the slice's policy.
        bound: what it must reach.
        interval: of value - bound; None where there are fewer than two users.
        users: how many there are.
        passed: whether the line lets the model through.
        note: the verdict in words.
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
        results: the evaluation, as `read_results` returns it.
        export_findings: why the export cannot be served; "" if it can.
        settings: margins, tolerance and confidence.
    """
    everybody = results[ALL_USERS]
    lines = []
    if settings.min_ndcg:
        asked = f"at least {settings.min_ndcg:g} (--min-ndcg)"
        lines.append(_proven(asked, everybody, None, settings.min_ndcg, settings.confidence))
    if settings.min_lift:
        for baseline in BASELINES:
            asked = f"{settings.min_lift:g} times {baseline} (--min-lift)"
            lines.append(
                _proven(asked, everybody, baseline, settings.min_lift, settings.confidence)
            )
    if everybody.latest_blessed_metrics and settings.max_drop < 1:
        kept = 1 - settings.max_drop
        asked = f"{kept:g} times the latest blessed model (--max-drop)"
        lines.append(_proven(asked, everybody, LATEST_BLESSED, kept, settings.confidence))
        slices = {name: result for name, result in results.items() if name != ALL_USERS}
        voting = sum(result.users >= settings.min_slice_users for result in slices.values())
        confidence = 1 - (1 - settings.confidence) / max(voting, 1)
        lines += [
            _not_refuted(asked, name, result, kept, confidence, settings.min_slice_users)
            for name, result in slices.items()
        ]
    note = export_findings or "every signature answers"
    lines.append(
        Line(SERVABLE, ALL_USERS, None, None, None, everybody.users, not export_findings, note)
    )
    return Decision(lines)


def _proven(
    asked: str, result: SliceResult, reference: str | None, factor: float, confidence: float
) -> Line:
    """A line that all users must be shown to reach."""
    moments = result.moments[judged_policy(ALL_USERS)]
    value, bound, interval = compare(moments, reference, factor, confidence)
    passed = interval is not None and interval[0] >= 0
    note = "proven" if passed else "missed" if value < bound else "not proven"
    return Line(asked, ALL_USERS, value, bound, interval, result.users, passed, note)


def _not_refuted(
    asked: str, name: str, result: SliceResult, factor: float, confidence: float, min_users: int
) -> Line:
    """A line that refuses only a slice that is shown to miss it."""
    moments = result.moments[judged_policy(name)]
    value, bound, interval = compare(moments, LATEST_BLESSED, factor, confidence)
    if result.users < min_users:
        passed, note = True, f"does not vote, fewer than {min_users} users"
    else:
        passed = interval is None or interval[1] >= 0
        note = ("reached" if value >= bound else "within the noise") if passed else "missed"
    return Line(asked, name, value, bound, interval, result.users, passed, note)
