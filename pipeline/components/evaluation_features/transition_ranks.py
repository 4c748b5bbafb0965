"""Adds the ranks of the targets by the counted transitions."""

from collections.abc import Iterator

import apache_beam as beam
import tensorflow as tf
from apache_beam.utils.shared import Shared

from mclrec_tf.evaluation.ranks import target_ranks
from pipeline.components.evaluator.tfma_metrics import RANK_FEATURES
from pipeline.components.item_transitions.table import read_transitions
from pipeline.components.transform.vocabulary import vocabulary_file

# Every history of a batch is scored against the whole catalogue, which for a million items takes
# 0.25 GB.
_MAX_BATCH_SIZE = 64


class AddTransitionRanks(beam.PTransform):
    """Adds the features `transitions_{all_items,unseen_items}_rank` to serialized Examples.

    Args:
        transform_graph: The folder of Transform's output, which has the vocabulary.
        transitions: The folder of ItemTransitions' output.
    """

    def __init__(self, transform_graph: str, transitions: str) -> None:
        super().__init__()
        self._folders = (transform_graph, transitions)

    def expand(self, examples: beam.PCollection[bytes]) -> beam.PCollection[bytes]:
        return (
            examples
            | "Batch" >> beam.BatchElements(max_batch_size=_MAX_BATCH_SIZE)
            | "AddRanks" >> beam.ParDo(_AddRanks(*self._folders))
        )


class TransitionRanks:
    """Ranks the targets of Examples. One object serves all threads of a worker.

    Args:
        transform_graph, transitions: As for `AddTransitionRanks`.

    Raises:
        FileNotFoundError: A file of the transitions or the vocabulary is missing.
        ValueError: The transitions are not those of the vocabulary.
    """

    def __init__(self, transform_graph: str, transitions: str) -> None:
        self._transform_graph = transform_graph
        vocabulary = vocabulary_file(transform_graph)
        line, number = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
        self._line_of = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(vocabulary, tf.string, line, tf.int64, number), -1
        )
        self._transitions = read_transitions(transitions, int(self._line_of.size()))

    def __call__(self, examples: list[bytes]) -> list[dict[str, int]]:
        """The ranks of each serialized Example, by the name of the feature.

        Raises:
            ValueError: An item is not in the vocabulary.
        """
        all_known, *ranks = self._rank(tf.constant(examples, tf.string))
        if not all_known:
            raise ValueError(
                f"{self._transform_graph}: its vocabulary lacks items of the test Examples. Give "
                "the Transform of the same Examples."
            )
        rows = tf.stack(ranks, axis=1).numpy().tolist()
        return [dict(zip(RANK_FEATURES, row, strict=True)) for row in rows]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def _rank(self, examples: tf.Tensor) -> tuple[tf.Tensor, ...]:
        features = tf.io.parse_example(
            examples,
            {
                "history": tf.io.RaggedFeature(tf.string),
                "target": tf.io.FixedLenFeature([], tf.string),
            },
        )
        history = features["history"]
        ids = history.with_values(self._ids(history.values))
        targets = self._ids(features["target"])
        all_known = tf.reduce_all(ids.values > 0) & tf.reduce_all(targets > 0)
        padded = ids.to_tensor()
        return all_known, *target_ranks(self._transitions(padded), targets, padded)

    def _ids(self, names: tf.Tensor) -> tf.Tensor:
        return tf.cast(self._line_of.lookup(names) + 1, tf.int32)


class _AddRanks(beam.DoFn):
    def __init__(self, transform_graph: str, transitions: str) -> None:
        self._folders = (transform_graph, transitions)
        self._shared = Shared()

    def setup(self) -> None:
        self._ranks = self._shared.acquire(lambda: TransitionRanks(*self._folders))

    def process(self, records: list[bytes]) -> Iterator[bytes]:
        for record, ranks in zip(records, self._ranks(records), strict=True):
            example = tf.train.Example.FromString(record)
            for name, rank in ranks.items():
                example.features.feature[name].int64_list.value.append(rank)
            yield example.SerializeToString()
