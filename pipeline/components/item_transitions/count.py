"""Counts with Beam how often each item came right after each other one."""

import os
from collections.abc import Iterator
from itertools import pairwise

import apache_beam as beam
import numpy as np
import tensorflow as tf

_FOLLOWERS = "followers"
_INT32 = np.dtype("<i4")


class WriteFollowers(beam.PTransform):
    """Writes the most frequent followers of each item to a folder, which workers share.

    A follower is an item that came right after another one in a history. Every event of a history
    counts, however long the history is. No worker holds more than the followers of one item.

    Args:
        train: A glob pattern of the transformed Examples of the train split.
        folder: The folder to write.
        max_followers: The most followers of an item. Of equally frequent ones, those of lower ids,
            which are the more popular ones, are kept.
    """

    def __init__(self, train: str, folder: str, max_followers: int) -> None:
        super().__init__()
        self._train = train
        self._folder = folder
        self._max_followers = max_followers

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        return (
            pipeline
            | "ReadTrain" >> beam.io.ReadFromTFRecord(self._train)
            | "Pairs" >> beam.FlatMap(_pairs)
            | "Counts" >> beam.combiners.Count.PerElement()
            | "ByItem" >> beam.MapTuple(_by_item)
            | "MostFrequent" >> beam.combiners.Top.LargestPerKey(self._max_followers)
            | "Serialize" >> beam.MapTuple(_serialize)
            | beam.io.WriteToTFRecord(os.path.join(self._folder, _FOLLOWERS))
        )


def read_followers(folder: str, num_items: int, max_followers: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Reads what `WriteFollowers` has written, as the tables of the library's `ItemTransitions`.

    Args:
        folder: The folder.
        num_items: The number of items, |I|.
        max_followers: As for `WriteFollowers`.

    Returns:
        Followers and counts, each int32 `[|I| + 1, F]`, where F is the number of followers of the
        item that has the most.

    Raises:
        ValueError: An item is beyond `num_items`.
    """
    files = sorted(tf.io.gfile.glob(os.path.join(folder, _FOLLOWERS + "*")))
    followers, counts = np.zeros((2, num_items + 1, max_followers), np.int32)
    longest = 0
    for record in tf.data.TFRecordDataset(files).as_numpy_iterator():
        row = np.frombuffer(record, _INT32)
        item, (of_item, their_counts) = row[0], row[1:].reshape(2, -1)
        if max(item, of_item.max()) > num_items:
            raise ValueError(
                f"transformed_examples: item {max(item, of_item.max())} is beyond the {num_items} "
                "of the vocabulary. Give Examples and transform_graph of the same Transform."
            )
        longest = max(longest, len(of_item))
        followers[item, : len(of_item)] = of_item
        counts[item, : len(of_item)] = their_counts
    return tf.constant(followers[:, :longest]), tf.constant(counts[:, :longest])


def _pairs(record: bytes) -> Iterator[tuple[int, int]]:
    feature = tf.train.Example.FromString(record).features.feature
    yield from pairwise(feature["history_ids"].int64_list.value)


def _by_item(pair: tuple[int, int], count: int) -> tuple[int, tuple[int, int]]:
    item, follower = pair
    # The larger is kept: the more frequent, or of the lower id.
    return item, (count, -follower)


def _serialize(item: int, largest: list[tuple[int, int]]) -> bytes:
    counts, followers = zip(*largest, strict=True)
    ids = [-follower for follower in followers]
    return np.array([item, *ids, *counts], _INT32).tobytes()
