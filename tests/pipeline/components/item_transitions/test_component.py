"""Beam counts what the library counts, and files that are wrong are refused."""

import random
from pathlib import Path

import numpy as np
import pytest

from mclrec_tf.data.histories import Histories
from mclrec_tf.evaluation.item_transitions import ItemTransitions
from pipeline.components.item_transitions.component import MAX_FOLLOWERS
from pipeline.components.item_transitions.table import How, read_how, read_transitions
from pipeline.components.trainer.transformed_examples import read_training
from tests.pipeline.components.item_transitions.executing import (
    Users,
    run_item_transitions,
    write_transformed,
    write_vocabulary,
)

ITEMS = 150
VOCABULARY = [f"item {number}" for number in range(1, ITEMS + 1)]
VALIDATION: list[Users] = [[([1, 2], 3)]]


def assert_equal(found: ItemTransitions, expected: ItemTransitions) -> None:
    for name in ("followers", "counts"):
        table, wanted = (getattr(one, name).numpy() for one in (found, expected))
        assert table.dtype == wanted.dtype == np.int32
        np.testing.assert_array_equal(table, wanted)


def random_users(seed: int) -> Users:
    """Item 1 has more followers than are kept, many of them equally frequent."""
    rng = random.Random(seed)
    histories = [rng.choices(range(1, ITEMS - 2), k=rng.randrange(1, 60)) for _ in range(120)]
    histories += [[1, follower, 1] for follower in rng.sample(range(1, ITEMS), ITEMS - 10)]
    return [(history, history[-1]) for history in histories]


@pytest.mark.parametrize("seed", range(2))
def test_the_counts_are_those_of_the_library(tmp_path: Path, seed: int):
    """Of the histories that the Trainer reads, however they are spread over files."""
    users = random_users(seed)
    train = [users[:5], [], users[5:]]
    examples = write_transformed(tmp_path / "in", {"train": train, "validation": VALIDATION})
    graph = write_vocabulary(tmp_path / "graph", VOCABULARY)
    folder = run_item_transitions(examples, graph, tmp_path / "out")

    found = read_transitions(folder, ITEMS)
    histories = read_training([f"{examples.uri}/Split-train/*"])
    expected = ItemTransitions.from_histories(histories, ITEMS, max_followers=MAX_FOLLOWERS)
    assert_equal(found, expected)
    assert found.followers.shape == (ITEMS + 1, MAX_FOLLOWERS)
    assert not Path(folder, "working").exists()


def test_a_table_is_as_wide_as_its_longest_row(tmp_path: Path):
    train: list[Users] = [[([3, 1, 3, 2], 2), ([4], 4), ([3, 2], 2)]]
    examples = write_transformed(tmp_path / "in", {"train": train, "validation": VALIDATION})
    graph = write_vocabulary(tmp_path / "graph", VOCABULARY[:5])
    found = read_transitions(run_item_transitions(examples, graph, tmp_path / "out"), 5)
    assert found.followers.numpy().tolist() == [[0, 0], [3, 0], [0, 0], [2, 1], [0, 0], [0, 0]]
    assert found.counts.numpy().tolist() == [[0, 0], [1, 0], [0, 0], [2, 1], [0, 0], [0, 0]]


def test_the_decay_is_the_best_of_validation_and_the_test_split_is_not_read(tmp_path: Path):
    """Each history ends in 9, which three items follow, after one that the target follows 3 times.

    So it takes a decay of more than a third to find the target. A table of the other splits would
    have the followers of 8, too.
    """
    train = [([1, 2], 2)] * 3 + [([3, 4], 4)] * 3 + [([9, 5], 5), ([9, 6], 6), ([9, 7], 7)]
    validation = [([1, 9], 2), ([3, 9], 4), ([8, 9, 1, 9], 2)]
    examples = write_transformed(
        tmp_path / "in", {"train": [train], "validation": [validation], "test": []}
    )
    folder = tmp_path / "in" / "Split-test"
    (folder / "part-0.gz").write_bytes(b"no Examples, so that whoever reads them fails")
    graph = write_vocabulary(tmp_path / "graph", VOCABULARY[:9])
    found = run_item_transitions(examples, graph, tmp_path / "out")
    assert read_how(found) == How(decay=0.6, reach=10)
    transitions = read_transitions(found, 9)
    assert (transitions.decay, transitions.reach) == (0.6, 10)
    assert_equal(
        transitions,
        ItemTransitions.from_histories(Histories.from_lists([h for h, _ in train]), 9),
    )


def test_examples_of_another_vocabulary_are_refused(tmp_path: Path):
    train: list[Users] = [[([3, 7], 7)]]
    examples = write_transformed(tmp_path / "in", {"train": train, "validation": VALIDATION})
    graph = write_vocabulary(tmp_path / "graph", VOCABULARY[:5])
    with pytest.raises(ValueError, match="item 7 is beyond the 5 of the vocabulary"):
        run_item_transitions(examples, graph, tmp_path / "out")


def test_a_graph_without_a_vocabulary_is_refused(tmp_path: Path):
    examples = write_transformed(tmp_path / "in", {"train": [[]], "validation": VALIDATION})
    graph = write_vocabulary(tmp_path / "graph", [])
    Path(graph.uri, "transform_fn", "assets", "items").unlink()
    with pytest.raises(FileNotFoundError, match="has no vocabulary 'items'. Give the output"):
        run_item_transitions(examples, graph, tmp_path / "out")
