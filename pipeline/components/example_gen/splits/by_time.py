"""A user's history -> Examples of a split by time: see `mclrec_tf.data.time_split`."""

from bisect import bisect_left
from collections.abc import Iterator

import apache_beam as beam

from mclrec_tf.data.time_split import CutOffs
from pipeline.components.example_gen.histories.user_history import UserHistory
from pipeline.components.example_gen.splits.split_example import (
    TEST,
    TRAIN,
    VALIDATION,
    length_group,
    split_example,
)


@beam.typehints.with_input_types(UserHistory)
@beam.typehints.with_output_types(bytes)
class SplitByTime(beam.DoFn):
    """Writes an Example of a history in each split that the user is part of, tagged by split.

    | split | history | target |
    |---|---|---|
    | train | events before `validation_from` | the last of them |
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
            yield split_example(history, validation_from, TRAIN, length_group(validation_from))
        if 0 < validation_from < test_from:
            group = length_group(validation_from + 1)
            yield split_example(history, validation_from, VALIDATION, group)
        if 0 < test_from < len(history.items):
            yield split_example(history, test_from, TEST, length_group(test_from + 1))
