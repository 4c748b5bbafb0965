"""Transitions come back as they were written, and what is something else is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from mclrec_tf.data.histories import Histories
from mclrec_tf.evaluation.item_transitions import ItemTransitions
from pipeline.components.item_transitions.table import (
    How,
    read_how,
    read_transitions,
    write_transitions,
)

TABLE, HOW = "followers_and_counts.npy", "how.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    histories = Histories.from_lists([[1, 3, 1, 4], [2, 2]])
    path = tmp_path / "new" / "folder"
    write_transitions(str(path), ItemTransitions.from_histories(histories, 4, decay=0.3, reach=7))
    return path


def test_they_come_back(folder: Path):
    found = read_transitions(str(folder), 4)
    assert found.followers.numpy().tolist() == [[0, 0], [3, 4], [2, 0], [1, 0], [0, 0]]
    assert found.counts.numpy().tolist() == [[0, 0], [1, 1], [1, 0], [1, 0], [0, 0]]
    assert (found.decay, found.reach) == read_how(str(folder)) == How(0.3, 7)


def test_nothing_counted_comes_back(tmp_path: Path):
    nothing = ItemTransitions.from_histories(Histories.from_lists([[1]]), 2)
    write_transitions(str(tmp_path), nothing)
    assert read_transitions(str(tmp_path), 2).followers.shape == (3, 0)


def test_those_of_another_run_are_refused(folder: Path):
    with pytest.raises(ValueError, match="transitions of 4 items, but the vocabulary has 5"):
        read_transitions(str(folder), 5)


@pytest.mark.parametrize("name", [TABLE, HOW])
def test_a_missing_file_is_named(folder: Path, name: str):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name}: is missing. Give the output"):
        read_transitions(str(folder), 4)


def pickled(path: Path) -> None:
    np.save(path, np.array([{"a": 1}], object))


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        (TABLE, lambda path: path.write_bytes(b"")),
        (TABLE, lambda path: path.write_bytes(b"something else")),
        (TABLE, lambda path: path.write_bytes(path.read_bytes()[:-1])),
        (TABLE, pickled),
        (TABLE, lambda path: np.save(path, np.zeros((5, 2), np.int32))),
        (TABLE, lambda path: np.save(path, np.zeros((2, 5, 2), np.int64))),
        (HOW, lambda path: path.write_text("{")),
        (HOW, lambda path: path.write_text("[0.6, 10]")),
        (HOW, lambda path: path.write_text(json.dumps({"decay": 0.6}))),
        (HOW, lambda path: path.write_text(json.dumps({"decay": 0.6, "reach": 1, "more": 2}))),
    ],
)
def test_what_is_something_else_is_refused(folder: Path, name: str, damage):
    damage(folder / name)
    with pytest.raises(ValueError, match=f"{name}: is not what ItemTransitions writes: ."):
        read_transitions(str(folder), 4)


def test_the_words_have_the_numbers():
    assert "each of the last 10 items" in How(0.3, 10).in_words()
    assert "times 0.3 for each item after it" in How(0.3, 10).in_words()
