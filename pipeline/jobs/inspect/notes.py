"""Notes on what a person should look at in a log, apart from its ids."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timezone

import numpy as np

from mclrec_tf.data.event_log.preview import Preview
from pipeline.jobs.inspect.figures import Figures
from pipeline.jobs.inspect.sample import Sample
from pipeline.settings import DataSettings

_KINDS_OF_EVENT = range(2, 9)
_WORD = re.compile(r"[A-Za-z][\w -]{0,30}")
_RATING = re.compile(r"rating|stars|score|overall", re.IGNORECASE)
_MANY, _OF_ONE = 0.5, 0.1
_FEW_ITEMS, _EVENTS_OF_ONE = 12, 100


def notes_on_columns(preview: Preview, settings: DataSettings) -> list[str]:
    """Sentences about columns by which --where could select rows.

    Args:
        preview: The first rows of a file.
        settings: How the log is read.
    """
    if settings.where or preview.kind.kind == "sequences":
        return []
    roles = {settings.user_column, settings.item_column, settings.timestamp_column}
    found = []
    for name in preview.names:
        values = [value for value in preview.column(name) if value]
        if name in roles or not values:
            continue
        counts = Counter(values)
        if len(counts) in _KINDS_OF_EVENT and all(map(_WORD.fullmatch, counts)):
            kinds = ", ".join(
                f"{value!r} {count / len(values):.0%}" for value, count in counts.most_common()
            )
            most = counts.most_common(1)[0][0]
            unnamed = name.isdigit() and bool(settings.columns)
            called = "KIND" if unnamed else name
            hint = ", with KIND in --columns as its name" * unnamed
            found.append(
                f"column {name} contains {kinds} in the first rows, and all rows are used. To use "
                f"one kind only: --where \"{called} == '{most}'\"{hint}."
            )
        elif _RATING.search(name) and len(counts) > 1:
            found.append(
                f"column {name} is not used: every rating is an event. To use good ratings only, "
                f'for example: --where "{name} >= 4".'
            )
    return found


def notes_on_events(sample: Sample, figures: Figures) -> list[str]:
    """Sentences about unusual times, users and items.

    Args:
        sample: What was read of the log.
        figures: Its statistics.
    """
    found = []
    if sample.events.times is not None and sample.scale and sample.scale.since_1970:
        today = f"{datetime.now(timezone.utc):%Y-%m-%d}"
        newest = sample.scale.day(int(sample.events.times.max()))
        if newest > today:
            found.append(
                f"the newest event is of {newest}, which is in the future. If that is "
                "wrong, a split by time would hold out the wrong events."
            )
        unknown = int((sample.events.times <= 0).sum())
        if 0 < unknown < len(sample.events.times):
            found.append(
                f"{unknown:,} events have a time of 0 or before 1970. If that stands for an "
                "unknown time, they wrongly begin their histories: leave them out with --where."
            )
    for what, numbers, ids in (
        ("user", sample.events.users, sample.events.user_ids),
        ("item", sample.events.items, sample.events.item_ids),
    ):
        counts = np.bincount(numbers, minlength=1)
        if len(ids) > 2 / _OF_ONE and counts.max() > _OF_ONE * len(numbers):
            found.append(
                f"{counts.max() / len(numbers):.0%} of the events are of one {what}, "
                f"{ids[int(counts.argmax())]!r}. If that stands for a missing {what}, leave it out "
                "with --where."
            )
    totals = figures.before.totals
    if totals.items < _FEW_ITEMS and totals.events > _EVENTS_OF_ONE * totals.items:
        found.append(
            f"there are only {totals.items:,} items. If these are ratings or kinds of events, "
            "another column is the item."
        )
    if sample.events.times is not None and figures.same_time > _MANY:
        found.append(
            f"{figures.same_time:.0%} of the events have the same time as the user's event before: "
            "their order is that of the rows."
        )
    if figures.returning > _MANY:
        found.append(
            f"{figures.returning:.0%} of the events have an item that is in the user's history "
            "already; unseen_items, by which models are blessed, evaluates only the others."
        )
    return found
