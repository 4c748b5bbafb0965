"""How many training users had each item is counted of users, by raw ids of any name."""

from pathlib import Path

import apache_beam as beam
import pytest

from pipeline.components.evaluation_features.component import EvaluationFeatures
from pipeline.components.evaluation_features.training_users import (
    WriteTrainingUsers,
    read_training_users,
)
from tests.pipeline.components.evaluator.known_models import example

USERS = [["a b", "a b", "é\t"], ["é\t"], ["\x0b", "é\t", "\x0b"]]


def write(folder: Path) -> str:
    with beam.Pipeline() as pipeline:
        records = [example(history, history[-1]) for history in USERS]
        _ = pipeline | beam.Create(records) | WriteTrainingUsers(str(folder))
    return str(folder)


def test_an_item_counts_once_a_user(tmp_path: Path) -> None:
    items = [item.encode() for item in ("é\t", "cold", "\x0b", "a b")]
    counts, users = read_training_users(write(tmp_path / "w"), items)
    assert (counts.tolist(), users) == ([0, 3, 0, 1, 1], 3)


def test_items_that_the_vocabulary_lacks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="vocabulary lacks 'a b' of the train Examples"):
        read_training_users(write(tmp_path / "w"), ["é\t".encode(), b"\x0b"])


def test_lists_of_another_length_are_refused() -> None:
    executor = EvaluationFeatures.EXECUTOR_SPEC.executor_class
    with pytest.raises(ValueError, match="list_length must be 20, got 10: compile anew"):
        executor._FUNCTION(None, None, None, 10, None)
