"""Counts with Beam how many training users had each item."""

import os
from collections.abc import Iterator

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import tensorflow as tf

_ITEMS, _USERS = "items", "users"
_COUNT = np.dtype("<i8")


class WriteTrainingUsers(beam.PTransform):
    """Writes how many users had each item, and how many there are, to a folder of all workers.

    Args:
        folder: The folder to write.
    """

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = folder

    def expand(self, train: beam.PCollection[bytes]) -> beam.PCollection:
        """Takes the serialized Examples of the train split, one a user."""
        _ = (
            train
            | "Users" >> beam.combiners.Count.Globally()
            | "UsersAsBytes" >> beam.Map(lambda count: np.array(count, _COUNT).tobytes())
            | "WriteUsers" >> beam.io.WriteToTFRecord(os.path.join(self._folder, _USERS))
        )
        return (
            train
            | "ItemsOfUser" >> beam.FlatMap(_items_once)
            | "UsersOfItem" >> beam.combiners.Count.PerElement()
            | "ItemsAsBytes" >> beam.MapTuple(_serialize)
            | "WriteItems" >> beam.io.WriteToTFRecord(os.path.join(self._folder, _ITEMS))
        )


def read_training_users(folder: str, items: list[bytes]) -> tuple[npt.NDArray[np.int64], int]:
    """Reads what `WriteTrainingUsers` has written.

    Args:
        folder: The folder.
        items: The raw ids of the vocabulary, by id from 1.

    Returns:
        The number of users of each item, int64 `[|I| + 1]`, 0 for the padding, and that of all
        users.

    Raises:
        ValueError: An item is not in the vocabulary.
    """
    ids = {item: number for number, item in enumerate(items, start=1)}
    counts = np.zeros(len(items) + 1, np.int64)
    for record in _records(folder, _ITEMS):
        item = record[_COUNT.itemsize :]
        if item not in ids:
            raise ValueError(
                f"transform_graph: its vocabulary lacks {item.decode(errors='replace')!r} of the "
                "train Examples. Give the Transform of the same Examples."
            )
        counts[ids[item]] = np.frombuffer(record, _COUNT, 1)[0]
    (users,) = _records(folder, _USERS)
    return counts, int(np.frombuffer(users, _COUNT)[0])


def _records(folder: str, name: str) -> Iterator[bytes]:
    files = sorted(tf.io.gfile.glob(os.path.join(folder, f"{name}-*")))
    yield from tf.data.TFRecordDataset(files).as_numpy_iterator()


def _items_once(record: bytes) -> Iterator[bytes]:
    feature = tf.train.Example.FromString(record).features.feature
    yield from set(feature["history"].bytes_list.value)


def _serialize(item: bytes, count: int) -> bytes:
    return np.array(count, _COUNT).tobytes() + item
