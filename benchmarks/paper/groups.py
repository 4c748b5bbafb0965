"""Metrics by how many actions a user has in the log, as in the paper's Table 5."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.paper.plan import Planned
from benchmarks.paper.runs import Run, split_log
from benchmarks.paper.tables import Metrics, Part, ranking_parts
from benchmarks.quality import by_policy
from mclrec_tf.data.histories import Histories
from mclrec_tf.evaluation.offline import summarize
from mclrec_tf.evaluation.ranks import Ranks


class Group(NamedTuple):
    """Users with `least` to `most` actions in the log, those of validation and test included."""

    name: str
    least: int
    most: float


GROUPS = (
    Group("5 actions", 5, 5),
    Group("6 to 8 actions", 6, 8),
    Group("more than 8 actions", 9, np.inf),
)


def members(group: Group, test_histories: Histories) -> npt.NDArray[np.bool_]:
    """Which users are in a group.

    Args:
        group: The group.
        test_histories: What the test predicts from: all actions of each user but the last.

    Returns:
        bool `[U]`.
    """
    actions = test_histories.lengths + 1
    return (actions >= group.least) & (actions <= group.most)


def group_metrics(run: Run, group: Group) -> dict[str, Metrics]:
    """Test metrics of the users of a group, by policy."""
    splits, _ = split_log(run.log, run.k_core)
    inside = members(group, splits.test.histories)
    return dict(by_policy(summarize(Ranks(*run.test_ranks()[:, inside]))))


def show(data: str, planned: Sequence[Planned], against: str) -> list[Part]:
    """A table for each group that has users, and policy."""
    splits, _ = split_log(planned[0].run.log, planned[0].run.k_core)
    parts = []
    for group in GROUPS:
        users = int(members(group, splits.test.histories).sum())
        if users:
            parts += ranking_parts(
                f"{data}, {group.name} ({users:,} users), test",
                data,
                planned,
                lambda run, policy, group=group: group_metrics(run, group)[policy],  # type: ignore[misc]
                against,
                with_published=False,
            )
    return parts
