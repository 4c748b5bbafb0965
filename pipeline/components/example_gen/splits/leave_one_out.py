"""A user's history -> one tf.train.Example a split: the last events are held out, one a split."""

from collections.abc import Iterator

import apache_beam as beam
import tensorflow as tf

from mclrec_tf.data.histories import MIN_EVENTS
from pipeline.components.example_gen.histories.user_history import (
    UserHistory,
    bytes_feature,
    int64_feature,
)

TRAIN, VALIDATION, TEST = EXAMPLE_SPLITS = ("train", "validation", "test")


@beam.typehints.with_input_types(UserHistory)
@beam.typehints.with_output_types(bytes)
class LeaveOneOut(beam.DoFn):
    """Writes a history of s_1 … s_T, T ≥ 3, as an Example in each split, tagged by split.

    | split | history | target | `is_training` |
    |---|---|---|---|
    | train | s_1 … s_{T-2} | s_{T-2} | 1 |
    | validation | s_1 … s_{T-2} | s_{T-1} | 0 |
    | test | s_1 … s_{T-1} | s_T | 0 |

    A train Example holds nothing out: every event of its history is to be predicted from those
    before, and its target is the last of them. Histories have their full length.
    """

    def can_learn(self, history: UserHistory) -> bool:
        """Whether the history's train Example has an event to predict from one before."""
        return len(history.items) > MIN_EVENTS

    def process(self, history: UserHistory) -> Iterator:
        group = length_group(len(history.items))
        for split, held_out in ((TRAIN, 2), (VALIDATION, 2), (TEST, 1)):
            yield split_example(history, len(history.items) - held_out, split, group)


def split_example(
    history: UserHistory, events: int, split: str, group: bytes
) -> beam.pvalue.TaggedOutput:
    """An Example of a history's first events, tagged by the split.

    Args:
        history: a user's.
        events: how many of them are known: the one after is the target, in training the last.
        split: the split.
        group: the user's `length_group`.
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
