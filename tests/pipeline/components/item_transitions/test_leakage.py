"""No event of validation or test is counted, whatever the split, and whatever these events are."""

import random
from collections import Counter
from itertools import pairwise
from pathlib import Path

import apache_beam as beam
import pytest
from tfx.types.standard_artifacts import TransformGraph

from mclrec_tf.data.time_split import CutOffs
from pipeline.components.example_gen.splits.by_time import SplitByTime
from pipeline.components.example_gen.splits.leave_one_out import LeaveOneOut
from pipeline.components.item_transitions.table import read_transitions
from tests.pipeline.components.item_transitions.executing import (
    run_item_transitions,
    write_transformed,
)
from tests.pipeline.components.transform.transforming import Log, transform

# Whole Beam pipelines of Transform.
pytestmark = pytest.mark.integration

CUT_OFF = 6  # times are places in the history


def in_training(log: Log, by_time: bool) -> Log:
    return [items[:CUT_OFF] if by_time else items[:-2] for items in log]


def logs(by_time: bool) -> tuple[Log, Log]:
    """Two logs that differ in each event that is held out, and in no other."""
    rng = random.Random(0)
    log = [[f"item {rng.randrange(30)}" for _ in range(rng.randrange(3, 20))] for _ in range(80)]
    other = [
        kept + [f"held out {place}" for place in range(len(items) - len(kept))]
        for items, kept in zip(log, in_training(log, by_time), strict=True)
    ]
    return log, other


def counted(log: Log, split: beam.DoFn, folder: Path) -> Counter[tuple[str, str]]:
    """What ItemTransitions counts, by the names of the items."""
    vocabulary, splits = transform(log, folder, split)
    graph = TransformGraph()
    graph.uri = str(folder / "graph")
    users = {
        name: [
            [([*row["history_ids"]], int(row["target_id"][0])) for row in rows],
        ]
        for name, rows in splits.items()
    }
    found = read_transitions(
        run_item_transitions(write_transformed(folder / "examples", users), graph, folder / "out"),
        len(vocabulary),
    )
    names = ["", *vocabulary]
    return Counter(
        {
            (names[item], names[follower]): int(count)
            for item, followers in enumerate(found.followers.numpy())
            for follower, count in zip(followers, found.counts.numpy()[item], strict=True)
            if count
        }
    )


@pytest.mark.parametrize("by_time", [False, True])
def test_the_counts_are_those_of_the_training_part(tmp_path: Path, by_time: bool):
    split = SplitByTime(CutOffs(CUT_OFF, 9)) if by_time else LeaveOneOut()
    log, other = logs(by_time)
    expected = Counter(pair for items in in_training(log, by_time) for pair in pairwise(items))
    assert expected.total() > 200
    for number, events in enumerate((log, other)):
        assert counted(events, split, tmp_path / str(number)) == expected
