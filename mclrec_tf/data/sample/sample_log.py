"""Writes the built-in sample: an event log of simulated users, of any size.

The users are those of `users`, and the log has the flaws of a real one: users are interleaved, one
event in a hundred arrives late, some are sent twice, and some rows are unusable. The rows come by
cohorts of users who signed up around the same time, each in order of arrival. So the log can be
written cohort by cohort in constant memory, and is roughly but not quite in order of time; a reader
has to group and sort, as it has to for a real log.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from mclrec_tf.arguments import check_share, check_whole, check_whole_or_none, path_text
from mclrec_tf.data.sample.item_rows import HEADER as _ITEMS_HEADER
from mclrec_tf.data.sample.item_rows import item_rows
from mclrec_tf.data.sample.rows import DUPLICATE, csv_rows, item_ids, with_flaws
from mclrec_tf.data.sample.users import EVENTS_PER_USER, Catalogue, simulate

MIN_EVENTS, MAX_EVENTS = 1_000, 1_000_000_000
NOISE_SHARE, FLAW_SHARE = 0.05, 0.001
_COHORT_USERS = 16_384
_GZIP_LEVEL = 4
_HEADER = b"user_id,item_id,timestamp\n"


class SampleContents(NamedTuple):
    """What a sample holds. The numbers are those that a reader of the log should count."""

    events: int
    users: int
    items: int
    duplicates: int
    unusable: int


def write_sample(
    path: str | os.PathLike[str],
    num_events: int,
    seed: int = 0,
    noise_share: float = NOISE_SHARE,
    flaw_share: float = FLAW_SHARE,
    progress: bool = False,
    num_items: int | None = None,
) -> SampleContents:
    """Writes a simulated event log with the columns user_id, item_id and timestamp.

    The same arguments give the same bytes. There is about one user to 25 events, and the
    catalogue grows with the events to the power of 0.66 (1,263 items for 50,000 events, 9,120
    for a million). Memory use does not grow with the log. Missing folders are made, and the file
    appears under its name when it is complete.

    Args:
        path: Where to write; the name ends in `.csv` or `.csv.gz`.
        num_events: Rows below the header, 1,000 to 1,000,000,000.
        seed: Chooses the catalogue and the users; not negative.
        noise_share: Share of events that are random items of the whole catalogue.
        flaw_share: Share of rows that repeat the row before, and again of rows that cannot be
            used: half of these have a time that is not a number, half have no user.
        progress: Show a progress bar on stderr.
        num_items: Size of the catalogue, if it is not to follow from the events.

    Returns:
        What the sample holds.

    Raises:
        ValueError: An argument is out of range.
        OSError: The file cannot be written; what is under its name stays as it was.

    Example:
        >>> from mclrec_tf.data.sample.sample_log import write_sample
        >>> import pathlib, tempfile
        >>> write_sample(pathlib.Path(tempfile.mkdtemp(), "sample.csv"), 1000).events
        1000
    """
    path = _csv_path(path)
    catalogue = _catalogue(num_events, seed, num_items)
    check_share(0.5, noise_share=noise_share, flaw_share=flaw_share)
    items = np.arange(catalogue.num_items)
    categories = catalogue.category_of(items)
    ids = item_ids(categories, items - catalogue.starts[categories])
    occurs = np.zeros(catalogue.num_items, bool)
    rows = users = duplicates = unusable = 0
    with _progress_bar(progress) as bar, _appears_when_complete(path) as out:
        written = bar.add_task("events", total=num_events)
        out.write(_HEADER)
        while rows < num_events:
            events = simulate(
                catalogue,
                seed,
                first_user=users,
                max_users=_COHORT_USERS,
                max_events=num_events - rows,
                users_a_year=num_events // EVENTS_PER_USER,
                noise_share=noise_share,
            )
            rng = np.random.default_rng([seed, 2, users])
            events, flaws = with_flaws(events, flaw_share, rng, num_events - rows)
            out.write(csv_rows(events, flaws, ids))
            occurs[events.items] = True
            rows += len(flaws)
            users += int(np.count_nonzero(np.bincount(events.users - users)))
            duplicates += int((flaws == DUPLICATE).sum())
            unusable += int((flaws > DUPLICATE).sum())
            bar.update(written, completed=rows)
    return SampleContents(rows, users, int(occurs.sum()), duplicates, unusable)


def write_items(
    path: str | os.PathLike[str], num_events: int, seed: int = 0, num_items: int | None = None
) -> int:
    """Writes the catalogue of a sample: columns item_id, title, kind, styles and embedding.

    A title such as "Walnut lamp 43" tells the item's category, which explains most of what the
    users do, and its rank of popularity there. The kind ("lamp"), the styles ("walnut|matte") and
    the embedding (12 numbers) tell of an item without events what users would do with it: its
    category, and which items come before and after it. Of every category the last item is new: no
    event has it.

    Args:
        path: Where to write; the name ends in `.csv` or `.csv.gz`.
        num_events, seed, num_items: Those of the log, see `write_sample`.

    Returns:
        The number of items, with the new ones.

    Raises:
        ValueError: An argument is out of range.
        OSError: The file cannot be written; what is under its name stays as it was.

    Example:
        >>> from mclrec_tf.data.sample.sample_log import write_items
        >>> import pathlib, tempfile
        >>> write_items(pathlib.Path(tempfile.mkdtemp(), "items.csv"), 1000)
        98
    """
    path = _csv_path(path)
    catalogue = _catalogue(num_events, seed, num_items)
    with _appears_when_complete(path) as out:
        out.write(_ITEMS_HEADER.encode())
        num_rows = 0
        for row in item_rows(catalogue, seed):
            out.write(row.encode())
            num_rows += 1
    return num_rows


def _csv_path(path: str | os.PathLike[str]) -> Path:
    path = Path(path_text("path", path))
    if not path.name.endswith((".csv", ".csv.gz")):
        raise ValueError(f"path must end in .csv or .csv.gz, got {str(path)!r}.")
    return path


def _catalogue(num_events: int, seed: int, num_items: int | None) -> Catalogue:
    check_whole(0, seed=seed)
    check_whole(1, num_events=num_events)
    check_whole_or_none(1, num_items=num_items)
    if not MIN_EVENTS <= num_events <= MAX_EVENTS:
        raise ValueError(
            f"num_events must be {MIN_EVENTS:,} to {MAX_EVENTS:,}, got {num_events:,}."
        )
    return Catalogue.of_size(num_items or round(num_events**0.66), seed)


@contextmanager
def _appears_when_complete(path: Path) -> Iterator[BinaryIO]:
    """Opens a file that has its name only after it is written whole; compressed for .gz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    try:
        with open(unfinished, "wb") as file:
            if path.suffix == ".gz":
                # Neither name nor time goes into the file, so that equal logs are equal files.
                with gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0) as packed:
                    yield cast(BinaryIO, packed)
            else:
                yield file
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _progress_bar(visible: bool) -> Progress:
    columns = (BarColumn(), MofNCompleteColumn(), "events, left", TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), disable=not visible)
