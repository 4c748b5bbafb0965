"""Transformed Examples come back as the arrays that were written."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipeline.components.trainer.transformed_examples import append_targets, read_split


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
    histories, targets = read_split(patterns)
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


def test_targets_end_the_histories(tmp_path: Path):
    write(tmp_path / "a.gz", [([1, 2, 3], 4), ([], 5), ([6], 7)])
    sequences = append_targets(*read_split([str(tmp_path / "*")]))
    assert sorted(sequence.tolist() for sequence in sequences) == [[1, 2, 3, 4], [5], [6, 7]]
    assert sequences.items.dtype == np.int32


def test_an_empty_split_has_no_users(tmp_path: Path):
    write(tmp_path / "a.gz", [])
    histories, targets = read_split([str(tmp_path / "*")])
    assert len(histories) == len(targets) == 0
    assert len(append_targets(histories, targets)) == 0


def test_missing_files_are_named(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="absent"):
        read_split([str(tmp_path / "absent-*")])
