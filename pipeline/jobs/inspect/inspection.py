"""Inspects a log before anything is trained on it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from os import PathLike, fspath

import numpy as np

from mclrec_tf.data.event_log.preview import Preview, preview
from mclrec_tf.data.event_log.reader import EventLogError, EventLogFormat, event_log_files
from mclrec_tf.data.item_features_table import read_item_features
from mclrec_tf.data.item_table_rows import ItemTableError
from mclrec_tf.data.time_split import Periods
from pipeline.components.example_gen.event_log import log_checks
from pipeline.components.example_gen.event_log.log_report import notes as notes_on_files
from pipeline.jobs.inspect.command import arguments
from pipeline.jobs.inspect.cost import Cost, expected_cost, growth
from pipeline.jobs.inspect.figures import Figures, figures, leave_one_out_learners, time_split_users
from pipeline.jobs.inspect.guess import guess_format
from pipeline.jobs.inspect.notes import notes_on_columns, notes_on_events
from pipeline.jobs.inspect.periods import TimeSplit, suggest_time_split
from pipeline.jobs.inspect.sample import BATCHES, SECONDS, Sample, file_sizes, read_sample
from pipeline.settings import LOG_OPTIONS, CatalogueSettings, DataSettings

_PREVIEWED_FILES = 10


@dataclass
class Inspection:
    """What a log contains, and whether a run on it would start.

    Attributes:
        data: The log.
        settings: How it would be read, including guesses.
        catalogue: The table of the catalogue and its columns.
        sizes: The size of each of its files in bytes.
        preview: The first rows of one of its files. None if none can be read.
        guesses: One sentence for each setting that was guessed.
        sample: What was read. None if nothing could be read.
        figures: The statistics of what was read. None if it has no event.
        time_split: A possible split by time. None if there is none.
        split_users: The number of users in each part of the split that `settings` choose.
        cost: The expected time and memory of a run. None if it would not start.
        item_table: What the table of the catalogue holds, in sentences.
        notes: Sentences about what a person should look at.
        problems: Why a run would not start. Empty if it would.
        command: The arguments of `pipeline.run_local` without --workdir. None with problems.
    """

    data: str
    settings: DataSettings
    catalogue: CatalogueSettings = CatalogueSettings()
    sizes: dict[str, int] = field(default_factory=dict)
    preview: Preview | None = None
    guesses: list[str] = field(default_factory=list)
    sample: Sample | None = None
    figures: Figures | None = None
    time_split: TimeSplit | None = None
    split_users: dict[str, int] = field(default_factory=dict)
    cost: Cost | None = None
    item_table: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    command: list[str] | None = None


def inspect_log(
    data: str | PathLike[str],
    settings: DataSettings | None = None,
    batches: int = BATCHES,
    seconds: float = SECONDS,
    catalogue: CatalogueSettings | None = None,
) -> Inspection:
    """Inspects a log. It reads all of a small log, and parts of a large one.

    Args:
        data: A file, a folder or a glob pattern, perhaps with spans, as for `pipeline.run_local`.
        settings: How the log is read, by default `DataSettings()`. Names of columns that the log
            does not have are replaced by guesses.
        batches, seconds: Limits on how much to read, see `read_sample`.
        catalogue: The table of the catalogue, which is read whole. By default there is none.

    Raises:
        ValueError: The settings contradict each other.

    Example:
        >>> from pipeline.jobs.inspect.inspection import inspect_log
        >>> import pathlib, tempfile
        >>> log = pathlib.Path(tempfile.mkdtemp(), "log.csv")
        >>> rows = [f"u{u},m{u * t % 7},{t}\\n" for u in range(9) for t in range(7)]
        >>> _ = log.write_text("userId,movieId,timestamp\\n" + "".join(rows))
        >>> inspect_log(log).command[2:]
        ['--user-column', 'userId', '--item-column', 'movieId']
    """
    found = Inspection(fspath(data), settings or DataSettings(), catalogue or CatalogueSettings())
    given = found.settings.format
    try:
        _look(found, given, batches, seconds)
    except EventLogError as error:
        found.problems.append(str(error))
    if found.catalogue.items:
        _look_at_items(found)
    if not found.problems:
        found.command = arguments(found.data, found.settings, found.catalogue)
    return found


def _look(found: Inspection, given: EventLogFormat, batches: int, seconds: float) -> None:
    files = _files(found.data, None, found.settings.window_spans)
    found.sizes = file_sizes(files)
    found.preview = _first_readable(files, given)
    format, found.guesses = guess_format(found.preview, given)
    chosen = {name: getattr(format, name) for name in LOG_OPTIONS}
    try:
        found.settings = dataclasses.replace(found.settings, **chosen)
    except ValueError as error:  # For example a split by time of a log without times.
        raise EventLogError(f"{found.data}: {error}") from error
    if format != given:
        found.preview = preview(found.preview.path, format)
    _files(found.data, format, found.settings.window_spans)
    sample = found.sample = read_sample(found.sizes, format, batches, seconds)
    found.notes += notes_on_columns(found.preview, found.settings)
    found.notes += notes_on_files(sample.files, format)
    if len(sample.events.users):
        found.figures = figures(sample, found.settings.k_core)
        found.notes += notes_on_events(sample, found.figures)
    _check(found, sample)
    if found.figures and not found.problems:
        before, after = found.figures.before.totals, found.figures.after.totals
        scale = sample.rows / max(sample.rows_read, 1)
        growths = growth(sample.events.users), growth(sample.events.items)
        # The k-core leaves a smaller share of a part than of the whole log.
        left = after if sample.is_whole else before
        found.cost = expected_cost(before, left, scale, *growths)


def _look_at_items(found: Inspection) -> None:
    """Reads the table of the catalogue, beside the items that the k-core leaves."""
    items: list[str] = []
    if found.figures and found.sample and found.sample.is_whole:
        ids = found.sample.events.item_ids
        # The numbers of items begin with 1.
        items = [ids[number - 1] for number in np.unique(found.figures.after.histories.items)]
    chosen = found.catalogue
    try:
        *_, report = read_item_features(
            chosen.items,
            items,
            chosen.category_names,
            chosen.vector_names,
            found.settings.item_column,
        )
    except ItemTableError as error:
        found.problems.append(str(error))
    else:
        found.item_table = report.sentences()


def _check(found: Inspection, sample: Sample) -> None:
    """Applies the checks of ExampleGen, in the same order.

    If only a part of the log was read, a failed check of its events becomes a note, because the
    whole log might pass it.
    """
    log_checks.check_readable(sample.files)
    log_checks.check_bad_rows(found.data, sample.files, found.settings.max_bad_rows)
    periods = found.settings.periods
    log_checks.check_has_time(sample.files, periods)
    try:
        _check_events(found, periods)
    except EventLogError as error:
        if sample.is_whole:
            advice = _smaller_k_core(found, sample, periods)
            raise EventLogError(f"{error}{advice}") from error
        found.notes.append(
            f"a run on the rows that were read would not start; one on the whole log may: {error}"
        )


def _check_events(found: Inspection, periods: Periods | None) -> None:
    if found.figures is None:
        raise EventLogError(f"{found.data}: {log_checks.NO_USABLE_ROW}")
    before, after = found.figures.before, found.figures.after
    log_checks.check_log(found.data, before.totals)
    short_users = found.figures.short_users
    log_checks.check_left(
        found.data, after.totals, short_users, before.totals, found.settings.k_core
    )
    scale = found.sample and found.sample.scale
    if scale and found.sample and found.sample.events.times is not None:
        found.time_split = suggest_time_split(after, scale)
    if periods:
        found.split_users, learners = time_split_users(after, periods)
    else:
        found.split_users = dict.fromkeys(("train", "validation", "test"), after.totals.users)
        learners = leave_one_out_learners(after)
    log_checks.check_splits(found.data, found.split_users, periods)
    log_checks.check_can_learn(found.data, learners, after.totals)


def _smaller_k_core(found: Inspection, sample: Sample, periods: Periods | None) -> str:
    """A sentence about the largest k with which a run would start. "" if there is none."""
    for k in range(found.settings.k_core - 1, -1, -1):
        trial = dataclasses.replace(
            found, settings=dataclasses.replace(found.settings, k_core=k), figures=None
        )
        if len(sample.events.users):
            trial.figures = figures(sample, k)
        try:
            _check_events(trial, periods)
        except EventLogError:
            continue
        assert trial.figures is not None
        left = trial.figures.after.totals
        return (
            f" With --k-core {k} a run would start: {left.users:,} users, {left.items:,} items and "
            f"{left.events:,} events are left."
        )
    return ""


def _files(data: str, format: EventLogFormat | None, window: int) -> list[str]:
    if "{" in data:
        # This import loads TFX, which takes seconds, so it is made only where it is needed.
        from pipeline.components.example_gen.event_log.newest_spans import log_files

        return log_files(data, format or EventLogFormat(), window)[0]
    return event_log_files(data, format)


def _first_readable(files: list[str], given: EventLogFormat) -> Preview:
    """The first rows of the first file that can be read.

    Raises:
        EventLogError: No file can be read. The error is that of the first file.
    """
    errors = []
    for file in files[:_PREVIEWED_FILES]:
        try:
            found = preview(file, given)
        except EventLogError as error:
            errors.append(error)
            continue
        if found.rows or len(files) == 1:
            return found
        errors.append(EventLogError(f"{file}: the file is empty: it has no rows."))
    raise errors[0]
