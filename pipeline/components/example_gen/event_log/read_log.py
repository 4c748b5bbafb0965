"""Reads the files of an event log into one ordered history per user, and sums up each file."""

import itertools
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator

import apache_beam as beam
import tensorflow as tf

from mclrec_tf.data.event_log.reader import EventBatch, EventLogError, EventLogFormat, LogFile
from pipeline.components.example_gen.event_log.log_report import FileSummary
from pipeline.components.example_gen.histories.user_history import UserHistory

# A worker collects this many events, about 100 MB, before it emits them, so that it can emit the
# events of one user together: the cost of grouping grows with the number of elements.
EVENTS_HELD = 500_000

# (time, its billionths, number of the file, number of the row, item): events sort by time and, if
# the times are equal, by their position in the log. This is a plain tuple, because Beam pickles
# named tuples when it groups them.
PositionedEvent = tuple[int, int, int, int, str]
# Stands for the billionths of an event in a log without times.
_NO_TIME = -1


def read_log(
    pipeline: beam.Pipeline | beam.pvalue.PBegin,
    files: list[str],
    format: EventLogFormat,
    summaries: str,
) -> beam.PCollection[UserHistory]:
    """Adds the reading of an event log to a Beam pipeline.

    A user's events are ordered by time, and those of equal time by file and row. Of events with
    equal user, item and time, only the first is kept. In a log without times, the order of the
    files and rows is the order of the events, every event is kept, and `timestamps` are the
    positions of the events in the history, counted from 1.

    Args:
        pipeline: A Beam pipeline, or its start inside a transform.
        files: The log's files, in the order in which they are read.
        format: How the log is read.
        summaries: The folder in which a `FileSummary` of each file is written.

    Returns:
        The users' histories.
    """
    read = (
        pipeline
        | "Files" >> beam.Create(list(enumerate(files)))
        | "OneFileAWorker" >> beam.Reshuffle()
        | "ReadEvents"
        >> beam.ParDo(ReadEvents(format)).with_outputs(ReadEvents.SUMMARIES, main="events")
    )
    _ = read[ReadEvents.SUMMARIES] | "WriteSummary" >> beam.Map(_write_summary, summaries)
    return read.events | "ByUser" >> beam.GroupByKey() | "OrderByTime" >> beam.MapTuple(in_order)


def read_summaries(folder: str) -> list[FileSummary]:
    """Reads the summaries that `read_log` wrote, in the order of the files."""
    summaries = []
    for path in sorted(tf.io.gfile.glob(os.path.join(folder, "*.json"))):
        with tf.io.gfile.GFile(path) as file:
            summaries.append(FileSummary.from_json(file.read()))
    return summaries


def _write_summary(numbered_summary: tuple[int, str], folder: str) -> None:
    number, summary = numbered_summary
    tf.io.gfile.makedirs(folder)
    # A worker that Beam retries writes the same content again.
    with tf.io.gfile.GFile(os.path.join(folder, f"{number:09}.json"), "w") as file:
        file.write(summary)


@beam.typehints.with_input_types(tuple[int, str])
@beam.typehints.with_output_types(tuple[str, list[PositionedEvent]])
class ReadEvents(beam.DoFn):
    """Reads one whole file: (number, path) -> (user, some of the user's events).

    One worker reads a whole file, because only a reader that starts at the first row knows the
    number of a row and whether a line break is inside quotes. To read a large log with several
    workers, split it into several files.

    A file that cannot be read raises no exception here. Its summary carries the message instead:
    each runner wraps the exceptions of its workers in its own way, and the message is meant for a
    person.
    """

    SUMMARIES = "summaries"

    def __init__(self, format: EventLogFormat) -> None:
        self._format = format

    def process(self, numbered_file: tuple[int, str]) -> Iterator:
        number, path = numbered_file
        summary = FileSummary(path)
        events: defaultdict[str, list[PositionedEvent]] = defaultdict(list)
        held = 0
        try:
            log_file = LogFile(path, self._format)
            for batch in log_file.batches():
                first = summary.rows
                summary.count(batch)
                for row, (user_id, time, fraction, item_id) in enumerate(_columns(batch), first):
                    events[user_id].append((time, fraction, number, row, item_id))
                    held += 1
                    if held == EVENTS_HELD:
                        yield from events.items()
                        events.clear()
                        held = 0
            yield from events.items()
            summary.finish(log_file)
        except EventLogError as error:
            summary.error = str(error)
        yield beam.pvalue.TaggedOutput(self.SUMMARIES, (number, summary.to_json()))


def in_order(user_id: str, parts: Iterable[list[PositionedEvent]]) -> UserHistory:
    """Orders a user's events, and keeps the first of equal ones."""
    events = sorted(itertools.chain.from_iterable(parts))
    if events[0][1] == _NO_TIME:
        return UserHistory(
            user_id=user_id.encode(),
            items=[item_id.encode() for *_, item_id in events],
            timestamps=list(range(1, len(events) + 1)),
        )
    first = dict.fromkeys((time, fraction, item_id) for time, fraction, _, _, item_id in events)
    return UserHistory(
        user_id=user_id.encode(),
        items=[item_id.encode() for _, _, item_id in first],
        timestamps=[time for time, _, _ in first],
    )


def _columns(batch: EventBatch) -> Iterator[tuple[str, int, int, str]]:
    """(user, time, its billionths, item) of each event."""
    times = fractions = itertools.repeat(0)
    if batch.times is None:
        fractions = itertools.repeat(_NO_TIME)
    else:
        times = batch.times.tolist()
        if batch.fractions is not None:
            fractions = batch.fractions.tolist()
    users, items = (
        ids.to_numpy(zero_copy_only=False).tolist() for ids in (batch.users, batch.items)
    )
    return zip(users, times, fractions, items, strict=False)
