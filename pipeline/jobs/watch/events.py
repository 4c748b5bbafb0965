"""The events of a log as one sequence for each user, with times that a server's clock has too."""

import os
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mclrec_tf.data.event_log.events import EventBatch
from mclrec_tf.data.event_log.files_of_a_log import check_any_rows, check_same_scale
from mclrec_tf.data.event_log.reader import EventLogError, EventLogFormat, LogFile
from mclrec_tf.data.event_log.values.times import TimeScale
from mclrec_tf.data.event_table import EventTable
from mclrec_tf.data.histories import Histories
from pipeline.components.example_gen.event_log.log_checks import NO_USABLE_ROW
from pipeline.components.example_gen.event_log.newest_spans import log_files


class Events(NamedTuple):
    """All events of a log, by user and time.

    Attributes:
        histories: The events of each user, items as numbers from 0.
        item_ids: Raw id of each item.
        seconds: int64 `[N]`, seconds since 1970 of each event, rounded down; None where the log
            has no times or does not count them from 1970.
    """

    histories: Histories
    item_ids: list[str]
    seconds: npt.NDArray[np.int64] | None


def read_all_events(
    path: str | os.PathLike[str], format: EventLogFormat, max_bad_rows: float
) -> Events:
    """Reads a log without dropping users or items: who has one event is asked about, too.

    Args:
        path: A file, a folder or a glob pattern; of a log with spans, all of them.
        format: How the log is read.
        max_bad_rows: The largest share of unusable rows, from 0 to 1.

    Raises:
        EventLogError: The log cannot be read, or too many rows are unusable.
    """
    path = os.fspath(path)
    scales: dict[str, TimeScale | None] = {}
    empty: dict[str, str] = {}
    problems = 0

    def batches() -> Iterator[EventBatch]:
        nonlocal problems
        for file in log_files(path, format, window=0)[0]:
            log = LogFile(file, format)
            for batch in log.batches():
                problems += len(batch.problems)
                yield batch
            scales[file] = log.scale
            check_same_scale(scales)
            empty[file] = log.empty_because

    table = EventTable.of(batches())
    check_any_rows(empty)
    rows = len(table.users) + problems
    if problems > max_bad_rows * rows:
        raise EventLogError(
            f"{path}: {problems / rows:.1%} of the rows cannot be used, more than --max-bad-rows "
            f"allows. pipeline.inspect shows them."
        )
    if not len(table.users):
        raise EventLogError(f"{path}: {NO_USABLE_ROW}")
    _, histories, times = table.histories(table.distinct())
    scale = next((scale for scale in scales.values() if scale), None)
    seconds = times // scale.per_second if scale and scale.since_1970 else None
    return Events(histories, table.item_ids, seconds)
