"""A folder of user histories that one Beam pipeline writes and the next one reads.

`histories*` holds one record per user, `rare_items*` the items with too few events, `users.json`
and `items.json` their totals, and `times.json` the time of the newest event. The folder is on a
file system that the workers share.
"""

import json
import os
from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import tensorflow as tf

from pipeline.components.example_gen.event_log.log_report import LogTotals
from pipeline.components.example_gen.histories.user_history import (
    UserHistory,
    from_example,
    to_example,
)

_HISTORIES = "histories"
_RARE_ITEMS = "rare_items"


class WriteHistories(beam.PTransform):
    """Writes histories to a folder, with their totals and the items of fewer than `k` events.

    Args:
        folder: The folder to write.
        k: The smallest number of events of an item that is not rare.
    """

    def __init__(self, folder: str, k: int) -> None:
        super().__init__()
        self._folder = folder
        self._k = k

    def expand(self, histories: beam.PCollection[UserHistory]) -> None:
        events_of_item = (
            histories
            | "Items" >> beam.FlatMap(lambda history: history.items)
            | "CountItems" >> beam.combiners.Count.PerElement()
        )
        lengths = histories | "Length" >> beam.Map(lambda history: ("users", len(history.items)))
        counts = events_of_item | "Count" >> beam.MapTuple(lambda item, count: ("items", count))
        _ = (
            histories
            | "Serialize" >> beam.Map(to_example)
            | "WriteHistories" >> beam.io.WriteToTFRecord(os.path.join(self._folder, _HISTORIES))
        )
        _ = (
            events_of_item
            | "RareItems" >> beam.Filter(lambda item_and_count, k: item_and_count[1] < k, self._k)
            | "RareItemIds" >> beam.Keys()
            | "WriteRareItems" >> beam.io.WriteToTFRecord(os.path.join(self._folder, _RARE_ITEMS))
        )
        newest = (
            histories
            | "NewestEvent" >> beam.Map(lambda history: ("times", history.timestamps[-1]))
            | "NewestOfAll" >> beam.CombinePerKey(max)
        )
        _ = newest | "WriteNewest" >> beam.Map(_write_totals, self._folder)
        _ = (
            (lengths, counts)
            | "LengthsAndCounts" >> beam.Flatten()
            | "Totals" >> beam.CombinePerKey(CountSumSmallest())
            | "WriteTotals" >> beam.Map(_write_totals, self._folder)
        )


@beam.typehints.with_input_types(int)
@beam.typehints.with_output_types(tuple[int, int, int])
class CountSumSmallest(beam.CombineFn):
    """Combines numbers into their count, their sum and the smallest of them."""

    def create_accumulator(self) -> tuple[int, int, int]:
        return 0, 0, 2**63 - 1

    def add_input(self, accumulator: tuple[int, int, int], number: int) -> tuple[int, int, int]:
        count, total, smallest = accumulator
        return count + 1, total + number, min(smallest, number)

    def merge_accumulators(
        self, accumulators: Iterable[tuple[int, int, int]]
    ) -> tuple[int, int, int]:
        counts, totals, smallests = zip(*accumulators, strict=True)
        return sum(counts), sum(totals), min(smallests)

    def extract_output(self, accumulator: tuple[int, int, int]) -> tuple[int, int, int]:
        return accumulator


def _write_totals(totals_of_kind: tuple[str, object], folder: str) -> None:
    kind, totals = totals_of_kind
    tf.io.gfile.makedirs(folder)
    # A worker that Beam retries writes the same content again.
    with tf.io.gfile.GFile(os.path.join(folder, kind + ".json"), "w") as file:
        json.dump(totals, file)


def _read_totals(kind: str, folder: str, if_empty: Any) -> Any:
    path = os.path.join(folder, kind + ".json")
    if not tf.io.gfile.exists(path):  # There was nothing to count.
        return if_empty
    with tf.io.gfile.GFile(path) as file:
        return json.load(file)


def read_totals(folder: str) -> LogTotals:
    """Reads the totals that `WriteHistories` has written to a folder."""
    users, events, shortest_history = _read_totals("users", folder, (0, 0, 0))
    items, _, rarest_item = _read_totals("items", folder, (0, 0, 0))
    newest = _read_totals("times", folder, 0)
    return LogTotals(users, items, events, shortest_history, rarest_item, newest)


class ReadHistories(beam.PTransform):
    """Reads the histories that `WriteHistories` has written to a folder."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = folder

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection[UserHistory]:
        return (
            pipeline
            | "ReadHistories"
            >> beam.io.ReadFromTFRecord(os.path.join(self._folder, _HISTORIES + "*"))
            | "Parse" >> beam.Map(from_example)
        )


class ReadRareItems(beam.PTransform):
    """Reads the rare items that `WriteHistories` has written to a folder, as one set."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = folder

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection[set[bytes]]:
        return (
            pipeline
            | "ReadRareItems"
            >> beam.io.ReadFromTFRecord(os.path.join(self._folder, _RARE_ITEMS + "*"))
            | "OneSet" >> beam.combiners.ToSet()
        )
