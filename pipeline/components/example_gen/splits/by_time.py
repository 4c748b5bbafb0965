"""The split by time, which `mclrec_tf.data.time_split` explains, as Examples."""

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
    """Writes an Example of a history in each split that has the user, tagged by split.

    | split | history | target |
    |---|---|---|
    | train | events before `validation_from` | the last of them |
    | validation | events before `validation_from` | the first event after, before `test_from` |
    | test | events before `test_from` | the first event after |

    A user is in train with at least one event before the cut-off, and in the other splits with a
    history and a target. No Example depends on an event after its target.

    Args:
        cut_offs: The times at which validation and test begin, in the log's unit.
    """

    def __init__(self, cut_offs: CutOffs) -> None:
        self._cut_offs = cut_offs

    def can_learn(self, history: UserHistory) -> bool:
        """Whether the train Example has two events, so that one can be predicted from the other."""
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
