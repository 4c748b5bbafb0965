"""Every event of every user, from the Examples of either split."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import apache_beam as beam
import pytest
import tensorflow as tf

from mclrec_tf.data.time_split import CutOffs
from pipeline.components.example_gen.histories.user_history import UserHistory
from pipeline.components.example_gen.splits.by_time import SplitByTime
from pipeline.components.example_gen.splits.leave_one_out import LeaveOneOut
from pipeline.components.example_gen.splits.split_example import EXAMPLE_SPLITS
from pipeline.components.refit.every_event import read_every_event

ITEMS = ["b", "é", "a", "c"]
USERS = [
    UserHistory(b"zoe", ["b", "é", "b", "a"], [1, 2, 3, 9]),  # type: ignore[list-item]
    UserHistory(b"ann", ["a", "b", "é"], [1, 5, 9]),  # type: ignore[list-item]
    UserHistory(b"ben", ["b", "a", "b"], [1, 2, 3]),  # type: ignore[list-item]
]


def write_examples(folder: Path, split: beam.DoFn, users: Iterable[UserHistory]) -> str:
    """The folder of the Examples of users, as ExampleGen writes it."""
    written: dict[str, list[bytes]] = {name: [] for name in EXAMPLE_SPLITS}
    for user in users:
        raw = user._replace(items=[item.encode() for item in user.items])  # type: ignore[attr-defined]
        for tagged in split.process(raw):
            written[tagged.tag].append(tagged.value)
    for name, examples in written.items():
        file = folder / f"Split-{name}" / "data-00000-of-00001.gz"
        file.parent.mkdir(parents=True)
        with tf.io.TFRecordWriter(str(file), "GZIP") as writer:
            for example in examples:
                writer.write(example)
    return str(folder)


def names(found) -> list[list[str]]:
    return [[found.items[item - 1] for item in history] for history in found.histories]


@pytest.mark.parametrize(
    ("split", "held_out"), [(LeaveOneOut(), 6), (SplitByTime(CutOffs(4, 8)), 3)]
)
def test_each_user_has_all_events_whatever_was_held_out(
    tmp_path: Path, split: beam.DoFn, held_out: int
):
    found = read_every_event(write_examples(tmp_path, split, USERS), ITEMS)
    assert names(found) == [["a", "b", "é"], ["b", "a", "b"], ["b", "é", "b", "a"]]
    assert found.held_out == held_out


def test_items_have_the_numbers_of_their_frequency_in_every_event(tmp_path: Path):
    found = read_every_event(write_examples(tmp_path, LeaveOneOut(), USERS), ITEMS)
    frequencies = Counter(item for user in USERS for item in user.items)
    assert found.items == ["b", "a", "é", "c"]  # é is before a in bytes, and a is more frequent
    assert [ITEMS[number - 1] for number in found.order] == found.items
    counted = [frequencies[item] for item in found.items]  # type: ignore[index]
    assert counted == found.histories.item_counts(4).tolist() == [5, 3, 2, 0]


def test_items_without_an_event_keep_their_order(tmp_path: Path):
    found = read_every_event(
        write_examples(tmp_path, LeaveOneOut(), USERS), ["new", "b", "é", "zzz", "a", "kiwi"]
    )
    assert found.items == ["b", "a", "é", "new", "zzz", "kiwi"]


def test_examples_of_other_items_are_refused(tmp_path: Path):
    examples = write_examples(tmp_path, LeaveOneOut(), USERS)
    with pytest.raises(ValueError, match="the item 'é' is not in the catalogue of the model"):
        read_every_event(examples, ["a", "b"])


def test_a_split_without_files_is_named(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="Split-train: has no Examples"):
        read_every_event(str(tmp_path), ITEMS)
