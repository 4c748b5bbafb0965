"""Loads an event log into memory: histories of item ids, ready to train on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from os import PathLike

import numpy as np
import numpy.typing as npt

from mclrec_tf.arguments import check_share, check_whole, path_text
from mclrec_tf.data.event_log.files_of_a_log import check_any_rows, check_same_scale
from mclrec_tf.data.event_log.reader import (
    EventBatch,
    EventLogError,
    EventLogFormat,
    LogFile,
    RowProblem,
    event_log_files,
)
from mclrec_tf.data.event_log.values.id_forms import IdForms, notes_on_ids
from mclrec_tf.data.event_table import EventTable
from mclrec_tf.data.histories import MIN_EVENTS, Histories
from mclrec_tf.data.k_core import in_k_core
from mclrec_tf.data.time_split import Periods, split_by_time

_SHOWN_PROBLEMS = 5


@dataclass
class LoadReport:
    """What became of the rows of a log.

    Args:
        rows: Rows read, usable or not. Where a line holds several events, each counts as a row.
        filtered: Rows that the format's `where` leaves out.
        problems: How many rows were skipped, by reason.
        first_problems: The first few of them.
        duplicates: Events dropped because the same user, item and time stood there before.
        rare: Events dropped with users and items that have too few events (k-core).
        notes: What a person should look at, such as ids that are written in two ways.
    """

    rows: int = 0
    filtered: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    first_problems: list[RowProblem] = field(default_factory=list)
    duplicates: int = 0
    rare: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def bad_rows(self) -> float:
        """Share of the rows that cannot be used."""
        return self.problems.total() / max(self.rows, 1)

    def __str__(self) -> str:
        lines = [f"{self.rows:,} rows read"]
        for reason, count in self.problems.most_common():
            lines.append(f"{count:,} rows skipped: {reason}")
        lines += [f"  {problem}" for problem in self.first_problems]
        if self.filtered:
            lines.append(f"{self.filtered:,} rows left out by where")
        lines.append(f"{self.duplicates:,} duplicate events dropped")
        lines.append(f"{self.rare:,} events of rare users and items dropped")
        return "\n".join([*lines, *self.notes])


@dataclass(frozen=True, eq=False)
class Interactions:
    """A log as a model sees it.

    Args:
        histories: The events of each user, in order of time. Item ids: 0 is padding, 1…|I| are
            the items by falling frequency in the training part (all but each user's last two
            events, or what comes before `periods`); of equally frequent items the one whose raw id
            sorts last comes first, which is the order of `tft.vocabulary`.
        timestamps: int64 [N], the time of each event of the histories, see
            `mclrec_tf.data.event_log.values.times`; in a log without times, its position in the
            history from 1.
        user_ids: Raw id of each user, in the order in which users first appear in the log.
        item_ids: Raw id of each item; index i is the item of id i + 1.
        report: What became of the rows.
    """

    histories: Histories
    timestamps: npt.NDArray[np.int64]
    user_ids: list[str]
    item_ids: list[str]
    report: LoadReport


def load_interactions(
    path: str | PathLike[str],
    format: EventLogFormat | None = None,
    k_core: int = 5,
    max_bad_rows: float = 0.01,
    periods: Periods | None = None,
) -> Interactions:
    """Reads a log, drops duplicates and rare users and items, and numbers what is left.

    Events are duplicates if user, item and time are the same; without times there are none.

    Args:
        path: A file, a folder or a glob, see `mclrec_tf.data.event_log.reader`.
        format: The names of the columns; by default user_id, item_id and timestamp.
        k_core: Events that each user and each item must have, counted until nothing changes.
            Users who then have fewer than three are dropped in any case.
        max_bad_rows: Share of the rows that may be unusable, from 0 to 1. They are skipped and
            counted in the report.
        periods: If the log will be split by time, what `split_by_time` will hold out: then the
            training part that orders the items is what comes before.

    Raises:
        EventLogError: The log cannot be read, too many rows are unusable, or what is left is not
            two users and two items.
        ValueError: `path` is no path, or a number is out of range.

    Example:
        >>> import pathlib, tempfile
        >>> from mclrec_tf.data.interactions import load_interactions
        >>> log = pathlib.Path(tempfile.mkdtemp(), "log.txt")
        >>> _ = log.write_text("ann tea milk tea rum\\nbob milk tea rum\\n")
        >>> interactions = load_interactions(str(log), k_core=2)
        >>> interactions.item_ids, interactions.histories[0]
        (['milk', 'tea', 'rum'], array([2, 1, 2, 3], dtype=int32))
    """
    check_whole(0, k_core=k_core)
    check_share(max_bad_rows=max_bad_rows)
    path = path_text("path", path)
    log, report = _read(path, format or EventLogFormat())
    if report.bad_rows > max_bad_rows:
        raise EventLogError(
            f"{path}: {report.bad_rows:.1%} of the rows cannot be used, more than "
            f"max_bad_rows={max_bad_rows:g} ({100 * max_bad_rows:g} %). Correct them or allow "
            f"more.\n{report}"
        )
    kept = log.distinct()
    report.duplicates = len(log.users) - len(kept)
    core = kept[in_k_core(log.users[kept], log.items[kept], k_core)]
    core = core[np.bincount(log.users[core])[log.users[core]] >= MIN_EVENTS]
    report.rare = len(kept) - len(core)
    users, histories, times = log.histories(core)
    items = np.unique(histories.items)
    if len(users) < 2 or len(items) < 2:
        raise EventLogError(_too_little(path, log, k_core, len(users), len(items)))

    if periods is None:
        train = histories.without_last(2)
    else:
        train = split_by_time(histories, times, periods).train
    train_counts = np.bincount(train.items, minlength=len(log.item_ids))
    # By count, then by id, both falling. Text sorts like its UTF-8 bytes.
    ranked = sorted(items, key=lambda item: (train_counts[item], log.item_ids[item]), reverse=True)
    new_ids = np.zeros(len(log.item_ids), np.int32)
    new_ids[ranked] = np.arange(1, len(ranked) + 1)
    return Interactions(
        histories=Histories(new_ids[histories.items], histories.row_splits),
        timestamps=times,
        user_ids=[log.user_ids[user] for user in users],
        item_ids=[log.item_ids[item] for item in ranked],
        report=report,
    )


def _read(path: str, format: EventLogFormat) -> tuple[EventTable, LoadReport]:
    report = LoadReport()
    forms: list[dict[str, IdForms]] = []
    table = EventTable.of(_batches(path, format, report, forms))
    report.rows = len(table.users) + report.problems.total() + report.filtered
    for column in (format.user_column, format.item_column):
        report.notes += notes_on_ids(column, [of_file[column] for of_file in forms])
    return table, report


def _batches(
    path: str, format: EventLogFormat, report: LoadReport, forms: list[dict[str, IdForms]]
) -> Iterator[EventBatch]:
    """The events of a log; what else there is to tell of it is added to the report and forms."""
    scales, empty = {}, {}
    for file in event_log_files(path, format):
        log_file = LogFile(file, format)
        for batch in log_file.batches():
            for problem in batch.problems:
                report.problems[problem.reason] += 1
            missing = _SHOWN_PROBLEMS - len(report.first_problems)
            report.first_problems += batch.problems[:missing]
            report.filtered += batch.filtered
            yield batch
        scales[file] = log_file.scale
        check_same_scale(scales)
        forms.append(log_file.forms)
        empty[file] = log_file.empty_because
    report.notes += check_any_rows(empty)


def _too_little(path: str, log: EventTable, k_core: int, users: int, items: int) -> str:
    per_user = np.bincount(log.users, minlength=1).max()
    per_item = np.bincount(log.items, minlength=1).max()
    return (
        f"{path}: {users} users and {items} items are left, at least 2 of each are needed. The log "
        f"has {len(log.users):,} events of {len(log.user_ids):,} users (at most {per_user:,} "
        f"events each) and {len(log.item_ids):,} items (at most {per_item:,} events each); "
        f"k_core={k_core} keeps users and items with at least {k_core} events among each other, "
        f"and users need {MIN_EVENTS}. Lower k_core=, on the command line "
        "--k-core, or bring a larger log."
    )
