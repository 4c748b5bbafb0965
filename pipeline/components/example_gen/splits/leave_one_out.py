"""The leave-one-out split: each user's last event is held out for the test, one for validation."""

from collections.abc import Iterator

import apache_beam as beam

from mclrec_tf.data.histories import MIN_EVENTS
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
class LeaveOneOut(beam.DoFn):
    """Writes a history of s_1 … s_T, T ≥ 3, as an Example in each split, tagged by split.

    | split | history | target | `is_training` |
    |---|---|---|---|
    | train | s_1 … s_{T-2} | s_{T-2} | 1 |
    | validation | s_1 … s_{T-2} | s_{T-1} | 0 |
    | test | s_1 … s_{T-1} | s_T | 0 |

    A train Example holds out nothing: the model learns to predict every event of its history from
    the events before, and its target is the last of them. Histories are not truncated.
    """

    def can_learn(self, history: UserHistory) -> bool:
        """Whether the train Example has two events, so that one can be predicted from the other."""
        return len(history.items) > MIN_EVENTS

    def process(self, history: UserHistory) -> Iterator:
        group = length_group(len(history.items))
        for split, held_out in ((TRAIN, 2), (VALIDATION, 2), (TEST, 1)):
            yield split_example(history, len(history.items) - held_out, split, group)
