"""A user's history -> one tf.train.Example a split: the last events are held out, one a split."""

from collections.abc import Iterator

import apache_beam as beam
import tensorflow as tf

from mclrec_tf.data.histories import MIN_EVENTS
from pipeline.components.example_gen.user_history import UserHistory

TRAIN, VALIDATION, TEST = EXAMPLE_SPLITS = ("train", "validation", "test")


@beam.typehints.with_input_types(UserHistory)
@beam.typehints.with_output_types(bytes)
class LeaveOneOut(beam.DoFn):
    """Writes a history of s_1 … s_T, T ≥ 3, as an Example in each split, tagged by split.

    | split | history | target | `is_training` |
    |---|---|---|---|
    | train | s_1 … s_{T-3} | s_{T-2} | 1 |
    | validation | s_1 … s_{T-2} | s_{T-1} | 0 |
    | test | s_1 … s_{T-1} | s_T | 0 |

    A train Example stands for all the predictions in it: every event of history and target is to
    be predicted from those before. The history has its full length, and none at all in the train
    Example of a user with three events.
    """

    def can_learn(self, history: UserHistory) -> bool:
        """Whether the history's train Example has an event to predict from one before."""
        return len(history.items) > MIN_EVENTS

    def process(self, history: UserHistory) -> Iterator:
        example = tf.train.Example()
        feature = example.features.feature
        feature["user_id"].bytes_list.value.append(history.user_id)
        feature["length_group"].bytes_list.value.append(length_group(len(history.items)))
        items = feature["history"].bytes_list.value
        timestamps = feature["timestamps"].int64_list.value
        target = feature["target"].bytes_list.value
        is_training = feature["is_training"].int64_list.value
        items.extend(history.items)
        timestamps.extend(history.timestamps)
        # From the last split to the first, each holds out one event more.
        for split in (TEST, VALIDATION, TRAIN):
            target[:] = [items.pop()]
            timestamps.pop()
            is_training[:] = [split == TRAIN]
            # Otherwise the order of the features would differ from worker to worker.
            yield beam.pvalue.TaggedOutput(split, example.SerializeToString(deterministic=True))


def length_group(num_events: int) -> bytes:
    """The group in which the paper (Table 5) puts a user with so many events; `<5` is ours."""
    if num_events < 5:
        return b"<5"
    if num_events == 5:
        return b"5"
    return b"6-8" if num_events <= 8 else b">8"
