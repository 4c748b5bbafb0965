"""Iterative k-core: drops users and items with few events until every one left has enough.

How many rounds that takes depends on the log, so each round is a Beam pipeline of its own and a
loop in the executor decides whether another is needed. Nothing ever holds more than one user's
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
    """What is left of a log.

    Attributes:
        folder: Where its histories are.
        totals: How much it is.
        rounds: How often users and items were dropped.
        short_users: Users dropped at the end, because fewer than `MIN_EVENTS` events of theirs
            were left. Only a `k` below that leaves such users.
    """

    folder: str
    totals: LogTotals
    rounds: int
    short_users: int


def k_core(make_pipeline: Callable[[], beam.Pipeline], folder: str, k: int) -> KCore:
    """Drops users and items of fewer than `k` events until none is left, then short users.

    Args:
        make_pipeline: Makes an empty Beam pipeline.
        folder: Histories written by `WriteHistories(folder, k)`. What is left is written to
            folders beside it; all but the last are removed.
        k: Fewest events of a user and of an item. 0 and 1 drop nobody.
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
    """Drops a folder's rare items, then short histories; returns the folder of those left."""
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
    """Yields a history without the rare items if it is long enough then."""
    kept = [
        (item, timestamp)
        for item, timestamp in zip(history.items, history.timestamps, strict=True)
        if item not in rare_items
    ]
    if len(kept) >= max(shortest_history, 1):
        items, timestamps = zip(*kept, strict=True)
        yield UserHistory(history.user_id, list(items), list(timestamps))
