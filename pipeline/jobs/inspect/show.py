"""Prints the results of an inspection."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from mclrec_tf.data.event_log.file_kind import FileKind
from mclrec_tf.data.event_log.preview import Preview
from mclrec_tf.data.event_log.suggestions import looks_like_time
from pipeline.components.example_gen.event_log.log_report import listed
from pipeline.jobs.inspect.command import pasted
from pipeline.jobs.inspect.inspection import Inspection
from pipeline.jobs.inspect.sample import Sample
from pipeline.settings import DataSettings

_LENGTHS = (1, 2, 3, 4, 5, 10, 20, 50, 100, 1000)
_BAR = 40
_COLUMNS_SHOWN, _ROWS_SHOWN, _WIDTH = 30, 3, 24
_SEPARATORS = {"\t": "tabs", " ": "spaces"}
_NUMBER = re.compile(r"[+-]?\d+")
_FRACTION = re.compile(r"[+-]?\d*\.?\d+([eE][+-]?\d+)?")
_ISO = re.compile(r"\s*\d{4}-\d\d-\d\d")


def show(found: Inspection, console: Console) -> None:
    """Prints an inspection. The suggested command comes last."""
    if found.sizes:
        megabytes = sum(found.sizes.values()) / 1e6
        count = len(found.sizes)
        console.print(
            f"{printable(found.data)}: {count:,} file{'s' * (count != 1)}, {megabytes:,.1f} MB"
        )
    if found.preview:
        _show_kinds(found, console)
        _show_columns(found.preview, found.settings, console)
    for guess in found.guesses:
        console.print(f"Guessed: {printable(guess)}")
    if found.sample:
        _show_rows(found.sample, len(found.sizes), console)
    if found.figures:
        _show_times(found, console)
        _show_figures(found, console)
    for sentence in found.item_table:
        console.print(f"Items: {printable(sentence)}")
    for note in found.notes:
        console.print(f"Note: {printable(note)}")
    if found.cost:
        console.print(
            f"Expected, as estimated from runs on two cores: {_duration(found.cost.preprocessing)} "
            f"until the training begins, {_duration(found.cost.epoch)} for each epoch with the "
            "default model (Beauty took 14 epochs), then a minute, or at most the time of an "
            f"epoch, for evaluation and checks; {found.cost.gigabytes:.1f} GB of memory."
        )
    if found.command is not None:
        guessed = " with these guesses, so check them first" if found.guesses else ""
        console.print(f"A run would start{guessed}:\n")
        console.print(pasted(found.data, found.command))


def _show_kinds(found: Inspection, console: Console) -> None:
    assert found.preview is not None
    kinds = found.sample.kinds if found.sample else {}
    counts = Counter(_kind(kind) for kind in kinds.values()) or Counter([_kind(found.preview.kind)])
    packing = f"{found.preview.packing}, " if found.preview.packing else ""
    encoding = f", {found.preview.encoding.upper()}" if found.preview.encoding else ""
    for kind, count in counts.most_common():
        files = f"{count:,} files " if len(kinds) > 1 else ""
        console.print(f"Read as: {files}{packing}{kind}{encoding}")


def _kind(kind: FileKind) -> str:
    if kind.kind == "table":
        separator = _SEPARATORS.get(kind.separator, kind.separator)
        return f"table with {separator} between fields, {'' if kind.has_header else 'no '}header"
    return {
        "json": "one object per line, JSON or Python",
        "parquet": "Parquet",
        "sequences": "a user and the items of the history in each line, oldest first",
    }[kind.kind]


def _show_columns(preview: Preview, settings: DataSettings, console: Console) -> None:
    """Prints each column with its type and its values in the first rows."""
    roles = {settings.user_column: "user", settings.item_column: "item"}
    if settings.timestamp_column:
        roles[settings.timestamp_column] = "time"
    headings = ("column", "used as", "type", "first rows")
    rows = []
    for index, name in enumerate(preview.names[:_COLUMNS_SHOWN]):
        values = preview.column(name)
        kind = preview.types[index] if preview.types else _type(values)
        examples = " | ".join(_short(_visible(value), _WIDTH) for value in values[:_ROWS_SHOWN])
        rows.append((_short(name, _WIDTH), roles.get(name, ""), _short(kind, _WIDTH), examples))
    # On a narrow terminal, the values are cut off.
    taken = sum(max(map(len, cells)) for cells in list(zip(headings, *rows, strict=True))[:3])
    room = max(console.width - taken - 4 * len(headings), _WIDTH)
    table = Table(*headings, box=box.SIMPLE_HEAD)
    for *cells, examples in rows:
        table.add_row(*cells, _short(examples, room))
    console.print(table)
    if len(preview.names) > _COLUMNS_SHOWN:
        console.print(f"and {len(preview.names) - _COLUMNS_SHOWN:,} more columns")


def _type(values: list[str]) -> str:
    values = [value for value in values if value]
    if not values:
        return "empty"
    if looks_like_time(values):
        return "date or time" if _ISO.match(values[0]) else "time as a number"
    for pattern, kind in ((_NUMBER, "integer"), (_FRACTION, "number")):
        if all(map(pattern.fullmatch, values)):
            return kind
    return "text"


def _show_rows(sample: Sample, files: int, console: Console) -> None:
    if sample.is_whole:
        console.print(f"Rows: {sample.rows:,}, all of them read.")
    else:
        console.print(
            f"Rows: about {sample.rows:,}. The first {sample.rows_read:,} of "
            + ("the file" if files == 1 else f"{len(sample.files):,} of {files:,} files")
            + " were read; all that follows is about these."
        )
    if unusable := sum(file.rows_skipped for file in sample.files):
        console.print(f"Unusable: {unusable:,} rows, {unusable / sample.rows_read:.2%}")
        for line in listed([rows for file in sample.files for rows in file.skipped]):
            console.print(f"  {printable(line)}")
    if filtered := sum(file.filtered for file in sample.files):
        console.print(f"Left out by --where: {filtered:,}")


def _show_times(found: Inspection, console: Console) -> None:
    sample = found.sample
    assert sample is not None and found.figures is not None
    if sample.events.times is None or sample.scale is None or not sample.scale.is_time:
        console.print("Time: none; the order in the log is the order of the events.")
        return
    first, last = int(sample.events.times.min()), int(sample.events.times.max())
    if not sample.scale.unit:
        console.print(f"Time: numbers from {first:,} to {last:,}, which are not times since 1970.")
        return
    if not sample.scale.since_1970:
        console.print(f"Time: from {first} to {last} (digits of dates, {sample.scale.unit}).")
        return
    begin, end = sample.scale.day(first), sample.scale.day(last)
    unit = f"{sample.scale.unit} since 1970"
    if found.preview and _has_dates(found.preview, found.settings.timestamp_column):
        unit = "dates; periods of a split by time count in seconds"
    console.print(f"Time: from {begin} to {end} ({unit}).")


def _has_dates(preview: Preview, name: str) -> bool:
    """Whether the times are written as dates, and not as numbers."""
    return name in preview.names and any(map(_ISO.match, preview.column(name)))


def _show_figures(found: Inspection, console: Console) -> None:
    assert found.figures is not None
    before, after = found.figures.before.totals, found.figures.after.totals
    lengths = found.figures.before.histories.lengths
    console.print(
        f"Users {before.users:,}, items {before.items:,}, events {before.events:,}; "
        f"{found.figures.duplicates:,} duplicates (same user, item and time) dropped, "
        f"{found.figures.returning:.1%} of the events have an item that is in the user's history "
        "already."
    )
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("events of a user", "users", ""):
        table.add_column(heading, justify="right" if heading == "users" else "left", no_wrap=True)
    edges = [*_LENGTHS, max(int(lengths.max()) + 1, _LENGTHS[-1] + 1)]
    counts = np.histogram(lengths, bins=edges)[0]
    for (begin, end), count in zip(pairwise(edges), counts, strict=True):
        if count:
            name = str(begin) if end == begin + 1 else f"{begin:,} to {end - 1:,}"
            table.add_row(name, f"{count:,}", "█" * round(_BAR * count / counts.max()))
    console.print(table)
    k = found.settings.k_core
    console.print(
        f"The k-core (--k-core {k}) leaves {after.users:,} users, {after.items:,} items and "
        f"{after.events:,} events ({after.events / max(before.events, 1):.0%})."
    )
    _show_splits(found, console)


def _show_splits(found: Inspection, console: Console) -> None:
    if not found.split_users or found.problems:
        return
    if found.settings.split == "time":
        console.print("The split by time fits. " + _users(found.split_users))
    else:
        console.print(f"Leave-one-out fits: {found.split_users['test']:,} users are tested.")
    split = found.time_split
    if split is None:
        has_times = found.sample is not None and found.sample.events.times is not None
        console.print(
            "A split by time with the usual periods leaves a part without users."
            if has_times
            else "A split by time is not possible without times."
        )
    elif found.settings.split != "time":
        periods = split.periods
        console.print(
            f"A split by time would fit, too: --split time --validation-period "
            f"{periods.validation} --test-period {periods.test} ({split.length} each). "
            + _users(split.users)
        )


def _users(users: dict[str, int]) -> str:
    return "Users: " + ", ".join(f"{part} {count:,}" for part, count in users.items()) + "."


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:,.1f} h"


def _visible(value: str) -> str:
    """The value, in quotes if it begins or ends with a space, which would be invisible."""
    return value if value == value.strip() else repr(value)


def _short(text: str, width: int) -> str:
    """The text in one line of at most `width` characters."""
    text = printable(text[:1000].strip().replace("\n", " "))
    return text if len(text) <= width else text[: width - 1] + "…"


def printable(text: str) -> str:
    """Replaces what some terminals cannot print.

    Args:
        text: Any text, also with bytes that are not UTF-8.
    """
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(one if one.isprintable() or one == "\n" else repr(one)[1:-1] for one in text)
