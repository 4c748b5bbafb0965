"""Reads all events of every user from Examples, what is held out from training among them."""

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf

from mclrec_tf.data.histories import Histories
from pipeline.components.example_gen.splits.split_example import EXAMPLE_SPLITS, TRAIN

_FEATURES = {
    "user_id": tf.io.FixedLenFeature([], tf.string),
    "history": tf.io.RaggedFeature(tf.string, row_splits_dtype=tf.int64),
    "target": tf.io.FixedLenFeature([], tf.string),
}
_USERS_PER_BATCH = 4096


class EveryEvent(NamedTuple):
    """All events of the log.

    Attributes:
        histories: All events of each user, oldest first, in the order of the users' ids.
        items: The raw id of each item, by id from 1: by falling frequency in these histories, and
            items of equal frequency in descending order of their bytes, as in a vocabulary; those
            without an event in the order of the catalogue.
        order: int `[|I|]`, the id that each item has in the catalogue that was read with.
        held_out: How many of the events were held out from training.
    """

    histories: Histories
    items: list[str]
    order: npt.NDArray[np.int64]
    held_out: int


def read_every_event(examples: str, items: Sequence[str]) -> EveryEvent:
    """Reads the splits of Examples, and joins them by user.

    An Example of the validation or of the test split has all that came before its target, so what
    is known of a user is the longest of that user's Examples.

    Args:
        examples: The folder of the Examples, with raw ids.
        items: The raw ids of the catalogue that the Examples' items are of, in any order.

    Raises:
        FileNotFoundError: A split has no files.
        ValueError: An item is not in the catalogue.
    """
    vocabulary = pa.array([item.encode("utf-8", "surrogateescape") for item in items], pa.binary())
    users: dict[bytes, np.ndarray] = {}
    trained_on = 0
    for split in EXAMPLE_SPLITS:
        for user, history in _histories(
            os.path.join(examples, f"Split-{split}"), split, vocabulary
        ):
            trained_on += len(history) if split == TRAIN else 0
            if len(history) > len(users.get(user, ())):
                users[user] = history
    chosen = [users[user] for user in sorted(users)]
    lengths = np.array([len(history) for history in chosen], np.int64)
    numbers = np.concatenate(chosen) if chosen else np.zeros(0, np.int32)
    counts = np.bincount(numbers, minlength=len(items) + 1)[1:]
    order = _by_frequency(counts, vocabulary)
    new_number = np.zeros(len(items) + 1, np.int32)
    new_number[order + 1] = np.arange(1, len(items) + 1)
    return EveryEvent(
        Histories.from_lengths(new_number[numbers], lengths),
        [items[place] for place in order],
        order + 1,
        len(numbers) - trained_on,
    )


def _histories(folder: str, split: str, vocabulary: pa.Array) -> Iterator[tuple[bytes, np.ndarray]]:
    """The user and the numbers of all items of each Example, int32, from 1."""
    files = sorted(tf.io.gfile.glob(os.path.join(folder, "*")))
    if not files:
        raise FileNotFoundError(f"{folder}: has no Examples. Give the output of ExampleGen.")
    dataset = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(_USERS_PER_BATCH)
    for batch in dataset:
        features = tf.io.parse_example(batch, _FEATURES)
        history = features["history"]
        if split != TRAIN:  # where the target is the last item of the history
            history = tf.concat([history, features["target"][:, tf.newaxis]], axis=1)
        values = pa.array(history.values.numpy(), pa.binary())
        places = pc.index_in(values, vocabulary)
        if places.null_count:
            unknown = values.filter(places.is_null())[0].as_py().decode(errors="replace")
            raise ValueError(
                f"{folder}: the item {unknown!r} is not in the catalogue of the model. Give the "
                "Examples that the model was trained on."
            )
        numbers = places.to_numpy().astype(np.int32) + 1
        ends = history.row_splits.numpy()[1:-1]
        yield from zip(features["user_id"].numpy(), np.split(numbers, ends), strict=True)


def _by_frequency(counts: np.ndarray, names: pa.Array) -> npt.NDArray[np.int64]:
    # Items without an event are only in a table of the catalogue, whose order they keep.
    place = np.where(counts, 0, np.arange(len(counts)))
    keys = pa.table({"count": counts, "place": place, "name": names})
    order = [("count", "descending"), ("place", "ascending"), ("name", "descending")]
    return pc.sort_indices(keys, order).to_numpy().astype(np.int64)
