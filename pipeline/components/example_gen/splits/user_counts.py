"""The number of users in each split, which Beam counts and writes to a small file."""

import json
import os
from typing import Any

import apache_beam as beam
import tensorflow as tf

_FILE = "split_users.json"


class WriteSplitUsers(beam.PTransform):
    """Counts the elements of collections and writes the counts to a folder.

    It is applied to a dictionary of collections by name, for example the Examples of each split.

    Args:
        folder: The folder to write to.
    """

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = folder

    def expand(self, splits: dict[str, Any]) -> None:
        names = [
            examples | f"Name-{split}" >> beam.Map(lambda _, name: name, split)
            for split, examples in splits.items()
        ]
        _ = (
            names
            | beam.Flatten()
            | beam.combiners.Count.PerElement()
            | beam.combiners.ToDict()
            | "WriteSplitUsers" >> beam.Map(_write, os.path.join(self._folder, _FILE))
        )


def _write(counts: dict[str, int], path: str) -> None:
    # A worker that Beam retries writes the same content again.
    with tf.io.gfile.GFile(path, "w") as file:
        json.dump(counts, file)


def read_split_users(folder: str) -> dict[str, int]:
    """Reads the counts by name. A collection without elements is not among them."""
    with tf.io.gfile.GFile(os.path.join(folder, _FILE)) as file:
        return dict(json.load(file))
