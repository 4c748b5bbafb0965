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
    """An Example of the first events of a history, tagged by the split.

    Args:
        history: The history of one user.
        events: The number of events in the Example. Its target is the event after them, or in
            training the last of them.
        split: One of `EXAMPLE_SPLITS`.
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
    # Without `deterministic`, the order of the features would differ from worker to worker.
    return beam.pvalue.TaggedOutput(split, example.SerializeToString(deterministic=True))


def length_group(num_events: int) -> bytes:
    """The group of a user with this number of events: those of the paper (Table 5), and `<5`."""
    if num_events < 5:
        return b"<5"
    if num_events == 5:
        return b"5"
    return b"6-8" if num_events <= 8 else b">8"
