"""A criterion that a model meets or not, and the decision of all of them, as text and JSON."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from pipeline.components.blessing.intervals import Interval
from pipeline.components.evaluator.slices import judged_policy

NDCG = "NDCG@10"
# Where the differences are equal for all users, rounding of the sums leaves an interval this wide.
ROUNDING = 1e-7
# The names in `decision.json`, which stay as they are so that files of earlier runs can be read.
_CRITERIA_KEY, _REQUIREMENT_KEY = "lines", "line"


@dataclass(frozen=True)
class Criterion:
    """One criterion, and whether the model meets it.

    Attributes:
        requirement: What is required, in words.
        slice: The slice whose users count.
        value: The model's value, of NDCG@10 under the slice's policy. None if there is none, as for
            whether the export can be served.
        bound: The value that the model must reach, or must not exceed. None if there is none.
        interval: The confidence interval of value - bound. None if there are fewer than two users,
            or for what is no mean over users.
        users: The number of users.
        passed: Whether the criterion lets the model pass.
        note: The verdict in words.
        metric: The metric of the value.
        policy: The ranking policy of the value. "" is that of the slice.
    """

    requirement: str
    slice: str
    value: float | None
    bound: float | None
    interval: Interval | None
    users: int
    passed: bool
    note: str
    metric: str = NDCG
    policy: str = ""

    def __str__(self) -> str:
        if self.value is None or self.bound is None:
            return f"{self.requirement}: {self.note}"
        interval = ""
        if self.interval:
            interval = f", interval {self.interval[0]:+.4f} to {self.interval[1]:+.4f}"
        return (
            f"{self.slice}: {self.metric} ({self.policy or judged_policy(self.slice)}) is "
            f"{self.value:.4f}; required is {self.requirement}, here {self.bound:.4f}; difference "
            f"{self.value - self.bound:+.4f}{interval}, {self.users:,} users: {self.note}"
        )


@dataclass(frozen=True)
class Decision:
    """All criteria. The model is blessed if it passes every one."""

    criteria: list[Criterion]

    @property
    def blessed(self) -> bool:
        return all(criterion.passed for criterion in self.criteria)

    @property
    def failed(self) -> list[Criterion]:
        return [criterion for criterion in self.criteria if not criterion.passed]

    def to_json(self) -> str:
        rows = [dataclasses.asdict(criterion) for criterion in self.criteria]
        rows = [{_REQUIREMENT_KEY: row.pop("requirement"), **row} for row in rows]
        for row in rows:
            if row["metric"] == NDCG:  # as earlier versions wrote and read it
                del row["metric"], row["policy"]
        return json.dumps({"blessed": self.blessed, _CRITERIA_KEY: rows}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Decision":
        def criterion(row: dict[str, Any]) -> Criterion:
            interval = row.pop("interval")
            requirement = row.pop(_REQUIREMENT_KEY)
            return Criterion(requirement, interval=interval and tuple(interval), **row)

        return cls([criterion(row) for row in json.loads(text)[_CRITERIA_KEY]])
