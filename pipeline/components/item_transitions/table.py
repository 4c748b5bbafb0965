"""The counted transitions as files, without pickle."""

import json
import os
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from mclrec_tf.evaluation.item_transitions import ItemTransitions

_TABLE_FILE, _HOW_FILE = "followers_and_counts.npy", "how.json"


class How(NamedTuple):
    """How the last items of a history are weighed.

    Attributes:
        decay: The weight of an item's followers against those of the item after it.
        reach: How many of the last items count.
    """

    decay: float
    reach: int

    def in_words(self) -> str:
        """What a reader of the evaluation has to know about the baseline."""
        return (
            f"transitions counts in training what came right after each of the last {self.reach} "
            f"items of a history, an item's count times {self.decay:g} for each item after it. Of "
            "all decays tried, this one ranks best on validation."
        )


def write_transitions(folder: str, transitions: ItemTransitions) -> None:
    """Writes transitions to a folder, which is made if it does not exist."""
    tf.io.gfile.makedirs(folder)
    table = np.stack([transitions.followers.numpy(), transitions.counts.numpy()])
    with tf.io.gfile.GFile(os.path.join(folder, _TABLE_FILE), "wb") as file:
        np.save(file, table, allow_pickle=False)
    with tf.io.gfile.GFile(os.path.join(folder, _HOW_FILE), "w") as file:
        json.dump(How(transitions.decay, transitions.reach)._asdict(), file)


def read_transitions(folder: str, num_items: int) -> ItemTransitions:
    """Reads what `write_transitions` has written.

    Args:
        folder: The folder.
        num_items: The number of items of the vocabulary, |I|.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: A file is not what `write_transitions` writes, or its items are not those of the
            vocabulary.
    """
    with _opened(folder, _TABLE_FILE) as file:
        try:
            table = np.load(file, allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise _not_ours(folder, _TABLE_FILE, str(error)) from error
    if table.ndim != 3 or len(table) != 2 or table.dtype != np.int32:
        raise _not_ours(folder, _TABLE_FILE, f"it has the shape {table.shape} of {table.dtype}")
    if table.shape[1] != num_items + 1:
        raise ValueError(
            f"{folder}: has the transitions of {table.shape[1] - 1} items, but the vocabulary has "
            f"{num_items}. Give the outputs of the same run."
        )
    followers, counts = map(tf.constant, table)
    return ItemTransitions(followers, counts, *read_how(folder))


def read_how(folder: str) -> How:
    """Reads decay and reach alone.

    Raises:
        FileNotFoundError: The file is missing.
        ValueError: It is not what `write_transitions` writes.
    """
    with _opened(folder, _HOW_FILE) as file:
        try:
            return How(**json.loads(file.read()))
        except (ValueError, TypeError) as error:
            raise _not_ours(folder, _HOW_FILE, str(error)) from error


def _opened(folder: str, name: str) -> tf.io.gfile.GFile:
    path = os.path.join(folder, name)
    if not tf.io.gfile.exists(path):
        raise FileNotFoundError(f"{path}: is missing. Give the output of ItemTransitions.")
    return tf.io.gfile.GFile(path, "rb")


def _not_ours(folder: str, name: str, reason: str) -> ValueError:
    return ValueError(
        f"{os.path.join(folder, name)}: is not what ItemTransitions writes: {reason}. Remove "
        "the artifact, or give that of another run."
    )
