"""The report on how an event log became Examples: a JSON file beside the splits."""

import dataclasses
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

from mclrec_tf.data.event_log.files_of_a_log import check_any_rows
from mclrec_tf.data.event_log.reader import (
    EventBatch,
    EventLogFormat,
    LogFile,
    RowProblem,
)
from mclrec_tf.data.event_log.values.id_forms import IdForms, notes_on_ids
from mclrec_tf.data.event_log.values.times import TimeScale
from pipeline.components.example_gen.event_log.span import Span

REPORT_FILE = "event_log_report.json"
ROWS_SHOWN = 5
_LINES_SHOWN = 20


@dataclass
class SkippedRows:
    """The rows of one file that could not be used for one reason.

    Attributes:
        file: The path of the file.
        reason: Why the rows could not be used.
        count: The number of rows.
        first: The first `ROWS_SHOWN` of them.
    """

    file: str
    reason: str
    count: int = 0
    first: list[RowProblem] = field(default_factory=list)

    def __str__(self) -> str:
        rows = "; ".join(
            f"row {row.row}" + (f", column {row.column}" * bool(row.column)) + f": {row.value!r}"
            for row in self.first
        )
        more = "; ..." if self.count > len(self.first) else ""
        return f"{self.file}: {self.count:,} rows ({self.reason}): {rows}{more}"


def listed(skipped: Sequence[SkippedRows]) -> list[str]:
    """One line for each file and reason, at most `_LINES_SHOWN` of them."""
    lines = [str(rows) for rows in skipped[:_LINES_SHOWN]]
    if len(skipped) > _LINES_SHOWN:
        lines.append(f"and {len(skipped) - _LINES_SHOWN:,} more files and reasons")
    return lines


@dataclass
class FileSummary:
    """What one file of the log contains.

    Attributes:
        file: The path of the file.
        rows: The number of rows: events, unusable rows, and rows that the format's `where` leaves
            out.
        skipped: The unusable rows, by reason.
        filtered: The number of rows that `where` leaves out.
        time_unit: The unit of the file's `TimeScale`. None if the file has no event.
        time_example: The example of that `TimeScale`.
        forms: How the ids are written, by column: the fields of `IdForms`.
        error: Why the file as a whole could not be read. "" if it could.
        empty_because: Why the file contains no row. "" if it contains some.
    """

    file: str
    rows: int = 0
    skipped: list[SkippedRows] = field(default_factory=list)
    filtered: int = 0
    time_unit: str | None = None
    time_example: int = 0
    forms: dict[str, dict[str, Any]] = field(default_factory=dict)
    error: str = ""
    empty_because: str = ""

    def count(self, batch: EventBatch) -> None:
        """Counts the rows of a batch."""
        for problem in batch.problems:
            self.skip(problem)
        self.rows += len(batch.users) + len(batch.problems) + batch.filtered
        self.filtered += batch.filtered

    def finish(self, file: LogFile) -> None:
        """Records what is known only after the whole file was read."""
        self.empty_because = file.empty_because
        if file.scale is not None:
            self.time_unit, self.time_example = file.scale.unit, file.scale.example
        self.forms = {name: dataclasses.asdict(forms) for name, forms in file.forms.items()}

    @property
    def time_scale(self) -> TimeScale | None:
        """The scale of the file's times. None if the file has no event."""
        return None if self.time_unit is None else TimeScale(self.time_unit, self.time_example)

    def skip(self, problem: RowProblem) -> None:
        """Counts an unusable row."""
        for skipped in self.skipped:
            if skipped.reason == problem.reason:
                break
        else:
            skipped = SkippedRows(self.file, problem.reason)
            self.skipped.append(skipped)
        skipped.count += 1
        if len(skipped.first) < ROWS_SHOWN:
            skipped.first.append(problem)

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @property
    def rows_skipped(self) -> int:
        return sum(rows.count for rows in self.skipped)

    @classmethod
    def from_json(cls, text: str) -> "FileSummary":
        values = json.loads(text)
        return cls(**{**values, "skipped": _skipped_rows(values["skipped"])})


@dataclass(frozen=True)
class LogTotals:
    """The size of a log.

    Attributes:
        users, items, events: The number of each.
        shortest_history: The number of events of the user with the fewest.
        rarest_item: The number of events of the item with the fewest.
        newest_event: The time of the newest event, in the log's unit.
    """

    users: int
    items: int
    events: int
    shortest_history: int
    rarest_item: int
    newest_event: int


@dataclass(frozen=True)
class EventLogReport:
    """What happened to an event log.

    Attributes:
        files: The number of files.
        rows: The number of rows in them, without headers.
        rows_skipped: The rows that could not be used, by file and reason.
        duplicates: The number of events dropped because an earlier event has the same user, item
            and time.
        before: The size of the log without these rows and events.
        after: The size of the log after the k-core and without users of too few events.
        rounds: How many times the k-core dropped users and items.
        short_users: The number of users dropped because the k-core left fewer than `MIN_EVENTS`
            of their events.
        split_users: The number of users by split.
        spans: The spans that were read, oldest first. Empty for a log without spans.
        filtered: The number of rows that the format's `where` leaves out.
        notes: What a person should look at, for example ids that are written in two ways.
    """

    files: int
    rows: int
    rows_skipped: list[SkippedRows]
    duplicates: int
    before: LogTotals
    after: LogTotals
    rounds: int
    short_users: int
    split_users: dict[str, int]
    spans: list[Span]
    filtered: int = 0
    notes: list[str] = field(default_factory=list)

    def write(self, examples_uri: str) -> None:
        """Writes the report into an Examples artifact."""
        with tf.io.gfile.GFile(os.path.join(examples_uri, REPORT_FILE), "w") as file:
            file.write(json.dumps(dataclasses.asdict(self), indent=2) + "\n")


def read_report(examples_uri: str) -> EventLogReport:
    """Reads the report of an Examples artifact."""
    with tf.io.gfile.GFile(os.path.join(examples_uri, REPORT_FILE)) as file:
        values: dict[str, Any] = json.load(file)
    return EventLogReport(
        **{
            **values,
            "rows_skipped": _skipped_rows(values["rows_skipped"]),
            "before": LogTotals(**values["before"]),
            "after": LogTotals(**values["after"]),
            "spans": [Span(**span) for span in values["spans"]],
        }
    )


def notes(files: Sequence[FileSummary], format: EventLogFormat) -> list[str]:
    """Sentences about what a person should look at in a log of these files."""
    found = []
    for column in (format.user_column, format.item_column):
        forms = [IdForms(**file.forms[column]) for file in files if column in file.forms]
        found += notes_on_ids(column, forms)
    return found + check_any_rows({file.file: file.empty_because for file in files})


def _skipped_rows(values: list[dict[str, Any]]) -> list[SkippedRows]:
    # JSON turns a named tuple into a list.
    return [
        SkippedRows(**{**value, "first": [RowProblem(*row) for row in value["first"]]})
        for value in values
    ]
