"""A user's history -> Examples of a split by time: see `mclrec_tf.data.time_split`."""

from bisect import bisect_left
from collections.abc import Iterator

import apache_beam as beam
import tensorflow as tf

from mclrec_tf.data.time_split import CutOffs
from pipeline.components.example_gen.split_leave_one_out import (
    TEST,
    TRAIN,
    VALIDATION,
    length_group,
)
from pipeline.components.example_gen.user_history import UserHistory, bytes_feature, int64_feature


@beam.typehints.with_input_types(UserHistory)
@beam.typehints.with_output_types(bytes)
class SplitByTime(beam.DoFn):
    """Writes an Example of a history in each split that the user is part of, tagged by split.

    | split | history | target |
    |---|---|---|
    | train | all but the last event before `validation_from` | that last event |
    | validation | events before `validation_from` | the first event after, before `test_from` |
    | test | events before `test_from` | the first event after |

    A user is in train with one event or more before the cut-off, in the others with a history and
    a target. No Example depends on what comes after its target.
    """

    def __init__(self, cut_offs: CutOffs) -> None:
        self._cut_offs = cut_offs

    def can_learn(self, history: UserHistory) -> bool:
        """Whether the history's train Example has an event to predict from one before."""
        return bisect_left(history.timestamps, self._cut_offs.validation_from) > 1

    def process(self, history: UserHistory) -> Iterator:
        validation_from = bisect_left(history.timestamps, self._cut_offs.validation_from)
        test_from = bisect_left(history.timestamps, self._cut_offs.test_from)
        if validation_from:
            yield _example(history, validation_from - 1, TRAIN)
        if 0 < validation_from < test_from:
            yield _example(history, validation_from, VALIDATION)
        if 0 < test_from < len(history.items):
            yield _example(history, test_from, TEST)


def _example(history: UserHistory, target: int, split: str) -> beam.pvalue.TaggedOutput:
    """The event at the place `target` with those before it."""
    feature = {
        "user_id": bytes_feature([history.user_id]),
        "length_group": bytes_feature([length_group(target + 1)]),
        "history": bytes_feature(history.items[:target]),
        "timestamps": int64_feature(history.timestamps[:target]),
        "target": bytes_feature([history.items[target]]),
        "is_training": int64_feature([int(split == TRAIN)]),
    }
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    # As in LeaveOneOut: the same bytes from every worker.
    return beam.pvalue.TaggedOutput(split, example.SerializeToString(deterministic=True))
