"""The iterative k-core in Beam: drops users and items with few events until all have enough.

The number of rounds depends on the log. So each round is a Beam pipeline of its own, and a loop in
the executor decides whether another one is needed. A worker never holds more than one user's
history and the rare items of the round.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import apache_beam as beam
import tensorflow as tf

from mclrec_tf.data.histories import MIN_EVENTS
from pipeline.components.example_gen.event_log.log_report import LogTotals
from pipeline.components.example_gen.histories.history_folder import (
    ReadHistories,
    ReadRareItems,
    WriteHistories,
    read_totals,
)
from pipeline.components.example_gen.histories.user_history import UserHistory


@dataclass(frozen=True)
class KCore:
    """What the k-core leaves of a log.

    Attributes:
        folder: The folder of the remaining histories.
        totals: Their totals.
        rounds: How many times users and items were dropped.
        short_users: The number of users dropped at the end because they had fewer than
            `MIN_EVENTS` events left. Only a smaller `k` leaves such users.
    """

    folder: str
    totals: LogTotals
    rounds: int
    short_users: int


def k_core(make_pipeline: Callable[[], beam.Pipeline], folder: str, k: int) -> KCore:
    """Drops users and items with fewer than `k` events until none is left, then short users.

    Args:
        make_pipeline: Returns an empty Beam pipeline.
        folder: A folder that `WriteHistories(folder, k)` has written. The result of each round is
            written to a folder beside it, and all folders but the last are removed.
        k: The smallest number of events of a user and of an item. 0 and 1 drop nothing.
    """
    totals = read_totals(folder)
    rounds = 0
    while totals.users and min(totals.shortest_history, totals.rarest_item) < k:
        rounds += 1
        folder = _drop(make_pipeline, folder, f"round-{rounds}", k, shortest_history=k)
        totals = read_totals(folder)
    users = totals.users
    if users and totals.shortest_history < MIN_EVENTS:
        folder = _drop(make_pipeline, folder, "long-enough", k, shortest_history=MIN_EVENTS)
        totals = read_totals(folder)
    return KCore(folder, totals, rounds, short_users=users - totals.users)


def _drop(
    make_pipeline: Callable[[], beam.Pipeline],
    folder: str,
    name: str,
    k: int,
    shortest_history: int,
) -> str:
    """Drops a folder's rare items, then short histories, and returns the folder of the rest."""
    left = os.path.join(os.path.dirname(folder), name)
    with make_pipeline() as pipeline:
        rare_items = beam.pvalue.AsSingleton(pipeline | "RareItems" >> ReadRareItems(folder))
        _ = (
            pipeline
            | "Histories" >> ReadHistories(folder)
            | "Drop" >> beam.FlatMap(frequent_part, rare_items, shortest_history)
            | "Left" >> WriteHistories(left, k)
        )
    tf.io.gfile.rmtree(folder)
    return left


def frequent_part(
    history: UserHistory, rare_items: set[bytes], shortest_history: int
) -> Iterator[UserHistory]:
    """Yields a history without the rare items, if it is still long enough."""
    kept = [
        (item, timestamp)
        for item, timestamp in zip(history.items, history.timestamps, strict=True)
        if item not in rare_items
    ]
    if len(kept) >= max(shortest_history, 1):
        items, timestamps = zip(*kept, strict=True)
        yield UserHistory(history.user_id, list(items), list(timestamps))
