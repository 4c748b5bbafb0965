"""The split by time in Beam: no leak, the same as in memory, and errors that say what to do."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from mclrec_tf.data.event_log.reader import EventLogError
from mclrec_tf.data.interactions import load_interactions
from mclrec_tf.data.time_split import CutOffs, Periods, split_by_time
from pipeline.components.example_gen.histories.user_history import UserHistory
from pipeline.components.example_gen.splits.by_time import SplitByTime

LOG = [
    (f"user{user}", f"item{(user * time) % 7}", 10 * time + user % 4)
    for user in range(12)
    for time in range(user % 3, 10 - user % 5)
]


def split(times: list[int], cut_offs: CutOffs, later: bytes = b"") -> dict[str, tf.train.Example]:
    """Examples by split; items from `test_from` on get `later` added to their names."""
    items = [b"i%d" % n + later * (time >= cut_offs.test_from) for n, time in enumerate(times)]
    outputs = SplitByTime(cut_offs).process(UserHistory(b"u", items, times))
    return {output.tag: tf.train.Example.FromString(output.value) for output in outputs}


@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=15).map(sorted),
    st.integers(0, 15),
    st.integers(1, 15),
)
def test_no_example_knows_of_its_cut_off_or_later(times, validation_from, period):
    cut_offs = CutOffs(validation_from, validation_from + period)
    examples = split(times, cut_offs)
    ends = dict(zip(("train", "validation", "test"), (cut_offs[0], *cut_offs), strict=True))
    for name, example in examples.items():
        feature = example.features.feature
        (target,) = feature["target"].bytes_list.value
        target_time = times[int(target[1:])]
        assert all(time < ends[name] for time in feature["timestamps"].int64_list.value)
        assert (target_time < ends[name]) == (name == "train")
        assert feature["is_training"].int64_list.value[0] == (name == "train")
    # Whatever happens later: what is learned and validated is the same.
    changed = split(times, cut_offs, later=b" other")
    for name in ("train", "validation"):
        assert changed.get(name) == examples.get(name)


def held_out(periods: Periods) -> dict[str, Any]:
    """The settings that hold it out."""
    return {
        "split": "time",
        "validation_period": periods.validation,
        "test_period": periods.test,
    }


@pytest.mark.parametrize("periods", [Periods(20, 20), Periods(5, 12), Periods(45, 12)])
def test_the_same_as_in_memory(ingest: Callable, tmp_path: Path, periods: Periods):
    rng = random.Random(periods.test)
    ingested = ingest(rng.sample(LOG, len(LOG)), k_core=2, **held_out(periods))
    log = next(ingested.uri.parent.glob("log.csv"))
    loaded = load_interactions(str(log), k_core=2, periods=periods)
    parts = split_by_time(loaded.histories, loaded.timestamps, periods)

    def names(items) -> tuple[str, ...]:
        return tuple(loaded.item_ids[item - 1] for item in items)

    expected = {
        "train": [names(user) for user in parts.train],
        **{
            name: [
                names([*history, target])
                for history, target in zip(part.histories, part.targets, strict=True)
            ]
            for name, part in (("validation", parts.validation), ("test", parts.test))
        },
    }
    assert all(expected.values())
    for name, examples in ingested.splits.items():
        found = [
            (*example.history, *([] if name == "train" else [example.target]))
            for example in examples.values()
        ]
        assert sorted(found) == sorted(expected[name]), name
        assert ingested.report.split_users[name] == len(found)


def test_a_split_that_is_left_empty_is_refused(ingest: Callable):
    with pytest.raises(EventLogError, match="no user is left for train.*--test-period"):
        ingest(LOG, **held_out(Periods(500, 500)))
    with pytest.raises(EventLogError, match="no user is left for validation.*dated in the future"):
        ingest([*LOG, ("user1", "item2", 10**9)], **held_out(Periods(10, 10)))


def test_a_log_without_time_is_refused(ingest: Callable, tmp_path: Path):
    log = tmp_path / "log.txt"
    log.write_text("ann tea milk rum\nbob tea milk rum\n")
    with pytest.raises(EventLogError, match="no time to split by.*--split leave_one_out"):
        ingest(log, **held_out(Periods(1, 1)))
