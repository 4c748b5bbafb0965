"""One user's events in order, as the Beam pipelines of ExampleGen pass them on."""

from typing import NamedTuple

import tensorflow as tf


class UserHistory(NamedTuple):
    """A user's events, oldest first.

    Attributes:
        user_id: The raw id, as UTF-8.
        items: The raw item ids, as UTF-8.
        timestamps: The time of each event, in the log's unit, in ascending order. Empty where the
            source of the history has no times.
    """

    user_id: bytes
    items: list[bytes]
    timestamps: list[int]


def to_example(history: UserHistory) -> bytes:
    """Serializes a history as an Example, with the feature names of the schema."""
    feature = {
        "user_id": bytes_feature([history.user_id]),
        "history": bytes_feature(history.items),
        "timestamps": int64_feature(history.timestamps),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def from_example(example: bytes) -> UserHistory:
    """Reads back what `to_example` wrote."""
    feature = tf.train.Example.FromString(example).features.feature
    return UserHistory(
        user_id=feature["user_id"].bytes_list.value[0],
        items=list(feature["history"].bytes_list.value),
        timestamps=list(feature["timestamps"].int64_list.value),
    )


def bytes_feature(values: list[bytes]) -> tf.train.Feature:
    """A feature of byte strings."""
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def int64_feature(values: list[int]) -> tf.train.Feature:
    """A feature of 64-bit integers."""
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
