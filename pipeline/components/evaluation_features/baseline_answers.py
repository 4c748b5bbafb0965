"""Adds what the baselines recommend, and the ranks of the targets by the counted transitions."""

from collections.abc import Callable, Iterator

import apache_beam as beam
import tensorflow as tf
from apache_beam.utils.shared import Shared

from mclrec_tf.evaluation.baselines import Popularity, Recency
from mclrec_tf.evaluation.ranks import target_ranks
from mclrec_tf.evaluation.recommended_lists import best_items, repeats
from pipeline.components.evaluator.list_features import LONGEST, items_name, repeats_names
from pipeline.components.evaluator.tfma_metrics import BASELINES, COUNTED, RANK_FEATURES
from pipeline.components.item_transitions.table import read_transitions
from pipeline.components.transform.vocabulary import vocabulary_file

# Every history of a batch is scored against the whole catalogue, which for a million items takes
# 0.4 GB: three tables of 32 rows.
_MAX_BATCH_SIZE = 32

Features = dict[str, list[int] | list[bytes]]


class AddBaselineAnswers(beam.PTransform):
    """Adds the features `RANK_FEATURES`, and those of `list_features` for every baseline.

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
            | "AddAnswers" >> beam.ParDo(_AddAnswers(*self._folders))
        )


class BaselineAnswers:
    """What the baselines make of Examples. One object serves all threads of a worker.

    Args:
        transform_graph, transitions: As for `AddBaselineAnswers`.

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
        self._name_of = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(vocabulary, tf.int64, number, tf.string, line), ""
        )
        num_items = int(self._line_of.size())
        counted = read_transitions(transitions, num_items)
        scorers: tuple[Callable[[tf.Tensor], tf.Tensor], ...] = (
            Popularity(num_items),
            Recency(num_items),
            counted,
        )
        # Each a graph of its own, so that the scores of one are gone before those of the next come.
        self._answers = {
            baseline: self._answer_of(baseline, scorer)
            for baseline, scorer in zip(BASELINES, scorers, strict=True)
        }

    def __call__(self, examples: list[bytes]) -> list[Features]:
        """The features of each serialized Example by name.

        Raises:
            ValueError: An item is not in the vocabulary.
        """
        all_known, targets, histories = self._read(tf.constant(examples, tf.string))
        if not all_known:
            raise ValueError(
                f"{self._transform_graph}: its vocabulary lacks items of the test Examples. Give "
                "the Transform of the same Examples."
            )
        rows: list[Features] = [{} for _ in examples]
        for answer in self._answers.values():
            for name, values in answer(targets, histories).items():
                for row, value in zip(rows, values.numpy().tolist(), strict=True):
                    row[name] = value
        return rows

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def _read(self, examples: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
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
        return all_known, targets, ids.to_tensor()

    def _answer_of(
        self, baseline: str, scorer: Callable[[tf.Tensor], tf.Tensor]
    ) -> Callable[[tf.Tensor, tf.Tensor], dict[str, tf.Tensor]]:
        """The features of one baseline, `[B, n]` each, from targets `[B]` and histories."""

        @tf.function(
            input_signature=[tf.TensorSpec([None], tf.int32), tf.TensorSpec([None, None], tf.int32)]
        )
        def answer(targets: tf.Tensor, histories: tf.Tensor) -> dict[str, tf.Tensor]:
            scores = scorer(histories)
            lists = best_items(scores, histories, LONGEST)
            names = repeats_names(baseline)
            repeated = tf.split(repeats(lists.all_items, histories), len(names), axis=1)
            found = dict(zip(names, repeated, strict=True))
            lines = tf.cast(lists.unseen_items, tf.int64) - 1
            found[items_name(baseline)] = self._name_of.lookup(lines)
            if baseline == COUNTED:
                ranks = target_ranks(scores, targets, histories)
                found |= {n: r[:, None] for n, r in zip(RANK_FEATURES, ranks, strict=True)}
            return found

        return answer

    def _ids(self, names: tf.Tensor) -> tf.Tensor:
        return tf.cast(self._line_of.lookup(names) + 1, tf.int32)


class _AddAnswers(beam.DoFn):
    def __init__(self, transform_graph: str, transitions: str) -> None:
        self._folders = (transform_graph, transitions)
        self._shared = Shared()

    def setup(self) -> None:
        self._answers = self._shared.acquire(lambda: BaselineAnswers(*self._folders))

    def process(self, records: list[bytes]) -> Iterator[bytes]:
        for record, features in zip(records, self._answers(records), strict=True):
            example = tf.train.Example.FromString(record)
            for name, values in features.items():
                feature = example.features.feature[name]
                kind = feature.bytes_list if isinstance(values[0], bytes) else feature.int64_list
                kind.value.extend(values)
            yield example.SerializeToString()
