"""Transformed Examples come back as the arrays that were written."""

import random
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipeline.components.trainer.transformed_examples import read_held_out, read_training


def write(path: Path, users: list[tuple[list[int], int]]) -> None:
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    with tf.io.TFRecordWriter(str(path), options) as writer:
        for history, target in users:
            feature = {
                "history_ids": tf.train.Feature(int64_list=tf.train.Int64List(value=history)),
                "target_id": tf.train.Feature(int64_list=tf.train.Int64List(value=[target])),
            }
            example = tf.train.Example(features=tf.train.Features(feature=feature))
            writer.write(example.SerializeToString())


def users(patterns: list[str]) -> list[tuple[list[int], int]]:
    histories, targets = read_held_out(patterns)
    assert histories.items.dtype == targets.dtype == np.int32
    return [
        (history.tolist(), int(target)) for history, target in zip(histories, targets, strict=True)
    ]


def test_users_of_all_files(tmp_path: Path):
    write(tmp_path / "a-00000.gz", [([1, 2, 3], 4), ([], 5)])
    write(tmp_path / "a-00001.gz", [([6], 7)])
    assert sorted(users([str(tmp_path / "a-*")])) == [([], 5), ([1, 2, 3], 4), ([6], 7)]


def test_how_workers_shared_the_users_does_not_show(tmp_path: Path):
    read = []
    for run, files in enumerate(
        (
            [[([1, 2], 4), ([300, 1], 4), ([], 5), ([1, 2], 3), ([1], 2)]],
            [[([1], 2), ([1, 2], 3)], [], [([], 5), ([1, 2], 4), ([300, 1], 4)]],
        )
    ):
        for number, of_file in enumerate(files):
            write(tmp_path / f"{run}-{number}.gz", of_file)
        read.append(users([str(tmp_path / f"{run}-*")]))
    assert read[0] == read[1]


@pytest.mark.parametrize("seed", range(3))
def test_users_stand_in_the_order_of_their_bytes(tmp_path: Path, seed: int):
    """The order of earlier versions, of which trainings are repeated to the last bit.

    The history that counts is the one before the last event, in training too.
    """
    rng = random.Random(seed)
    drawn = [
        (rng.choices((1, 2, 255, 256, 257, 70_000), k=rng.randrange(4)), rng.randrange(1, 300))
        for _ in range(300)
    ]

    def place(user: tuple[list[int], int]) -> tuple[bytes, int]:
        return np.array(user[0], np.int32).tobytes(), user[1]

    expected = sorted(drawn, key=place)
    write(tmp_path / "held-out.gz", drawn)
    assert users([str(tmp_path / "held-out.gz")]) == expected
    write(tmp_path / "train.gz", [([*history, last], last) for history, last in drawn])
    train = read_training([str(tmp_path / "train.gz")])
    assert [history.tolist() for history in train] == [[*h, last] for h, last in expected]
    assert train.items.dtype == np.int32


def test_an_empty_split_has_no_users(tmp_path: Path):
    write(tmp_path / "a.gz", [])
    histories, targets = read_held_out([str(tmp_path / "*")])
    assert len(histories) == len(targets) == 0
    assert len(read_training([str(tmp_path / "*")])) == 0


def test_missing_files_are_named(tmp_path: Path):
    for read in (read_training, read_held_out):
        with pytest.raises(FileNotFoundError, match="absent"):
            read([str(tmp_path / "absent-*")])
