"""Suggests the periods of a split by time."""

from __future__ import annotations

from dataclasses import dataclass

from mclrec_tf.data.event_log.values.times import TimeScale
from mclrec_tf.data.time_split import Periods
from pipeline.jobs.inspect.figures import Part, time_split_users

_DAY = 86_400
_LENGTHS = {
    "91 days": 91 * _DAY,
    "28 days": 28 * _DAY,
    "a week": 7 * _DAY,
    "a day": _DAY,
    "an hour": 3600,
}
_MOST_HELD_OUT = 0.1


@dataclass(frozen=True)
class TimeSplit:
    """A split by time with users in every part.

    Attributes:
        periods: What it holds out.
        length: The length of each of the two periods, in words.
        users: The number of users in each part.
    """

    periods: Periods
    length: str
    users: dict[str, int]


def suggest_time_split(part: Part, scale: TimeScale) -> TimeSplit | None:
    """Finds the longest usual period that has at most a tenth of the events and leaves users.

    Args:
        part: The events to split.
        scale: The scale of their times.

    Returns:
        The split. None if every such split leaves a part without users.
    """
    newest, oldest = part.totals.newest_event, int(part.times.min())
    lengths = {text: seconds * scale.per_second for text, seconds in _LENGTHS.items()}
    if not scale.per_second:
        lengths = {"a twentieth of the time": (newest - oldest) // 20}
    for text, length in lengths.items():
        held_out = (part.times > newest - length).sum()
        if length < 1 or held_out > _MOST_HELD_OUT * part.totals.events:
            continue
        users, learners = time_split_users(part, Periods(length, length))
        if learners and all(users.values()):
            return TimeSplit(Periods(length, length), text, users)
    return None
