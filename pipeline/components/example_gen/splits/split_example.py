"""What all splits have in common: their names, and the Example of a user in one of them."""

import apache_beam as beam
import tensorflow as tf

from pipeline.components.example_gen.histories.user_history import (
    UserHistory,
    bytes_feature,
    int64_feature,
)

TRAIN, VALIDATION, TEST = EXAMPLE_SPLITS = ("train", "validation", "test")


def split_example(
    history: UserHistory, events: int, split: str, group: bytes
) -> beam.pvalue.TaggedOutput:
    """An Example of a history's first events, tagged by the split.

    Args:
        history: A user's.
        events: How many of them are known: the one after is the target, in training the last.
        split: The split.
        group: The user's `length_group`.
    """
    target = history.items[events - 1 if split == TRAIN else events]
    feature = {
        "user_id": bytes_feature([history.user_id]),
        "length_group": bytes_feature([group]),
        "history": bytes_feature(history.items[:events]),
        "timestamps": int64_feature(history.timestamps[:events]),
        "target": bytes_feature([target]),
        "is_training": int64_feature([int(split == TRAIN)]),
    }
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    # Otherwise the order of the features would differ from worker to worker.
    return beam.pvalue.TaggedOutput(split, example.SerializeToString(deterministic=True))


def length_group(num_events: int) -> bytes:
    """The group in which the paper (Table 5) puts a user with so many events; `<5` is ours."""
    if num_events < 5:
        return b"<5"
    if num_events == 5:
        return b"5"
    return b"6-8" if num_events <= 8 else b">8"
