"""A week of nights on daily folders, in which new users and new items appear every day.

A day is a twelfth of the built-in sample, in order of time, in which users sign up until the end.
The sample has one catalogue from its first day on, so some items are held back: they come up for
sale on a day of the week, and have no events before.
"""

import csv
import datetime
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from mclrec_tf.data.sample.sample_log import write_items, write_sample
from tests.pipeline.local_run import SMALL_MODEL

Rows = list[dict[str, str]]

# A small model of three epochs does not beat the counted transitions, so nothing is asked of its
# lift. The other margins of the decision are the default: some 250 users show in each night but the
# first that the model keeps 90 % of the latest blessed one. Each user's last two events are held
# out, not the newest days: what goes out has learned of the new day's users and items, and all
# users decide, not those of one day.
OPTIONS = (*SMALL_MODEL, "--start-from=blessed", "--min-lift=0")
PUSHED, FAILED, REFUSED = 0, 1, 3  # exit statuses


class Night(NamedTuple):
    """A night: what is delivered before it, how it is run, and how it must end.

    Args:
        day: number of the day that has come, from 0.
        version: of its delivery.
        is_broken: whether its item ids are not those of the shop.
        options: of the run, beside `OPTIONS`.
        status: the exit status.
    """

    day: int
    version: int = 1
    is_broken: bool = False
    options: tuple[str, ...] = ()
    status: int = PUSHED


DAYS_BEFORE = 5
WEEK = (
    Night(5),
    Night(6),
    Night(7, is_broken=True, status=FAILED),
    Night(7, version=2),  # delivered again, in the same night
    Night(8),
    Night(9, options=("--learning-rate=1",), status=REFUSED),
    Night(10),
    Night(11),
)

_EVENTS, _DAYS = 20_000, 12
_NEW_ITEMS = 40  # one of so many items is new on each day of the week
_FIRST_DATE = datetime.date(2024, 5, 1)


class Feed:
    """Delivers the days of the shop into a log.

    Args:
        folder: of the log; holds the days before the week.
        sample: file for the sample.
    """

    def __init__(self, folder: Path, sample: Path):
        self.folder = folder
        self.log = folder / "{YYYY}-{MM}-{DD}" / "v{VERSION}" / "*.csv"
        write_sample(sample, _EVENTS)
        self._catalogue = sample.with_name("catalogue.csv")
        write_items(self._catalogue, _EVENTS)
        with open(sample, newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["timestamp"].isdecimal()]
        rows.sort(key=lambda row: int(row["timestamp"]))
        items = sorted({row["item_id"] for row in rows})
        # The day on which each item comes up; most were there before the week.
        days = (DAYS_BEFORE + place % _NEW_ITEMS for place in range(len(items)))
        self._since = {
            item: day if day < _DAYS else 0 for item, day in zip(items, days, strict=True)
        }
        # In the last thirteenth nobody signs up any more.
        size = len(rows) // (_DAYS + 1)
        self._days = [
            [row for row in rows[day * size : (day + 1) * size] if self._is_there(row, day)]
            for day in range(_DAYS)
        ]
        for day in range(DAYS_BEFORE):
            self.deliver(Night(day))

    def deliver(self, night: Night) -> None:
        """Writes the day that the night is about."""
        rows = self._days[night.day]
        if night.is_broken:
            rows = [row | {"item_id": f"SKU/{row['item_id'].upper()}"} for row in rows]
        deliver(self.folder / self.date(night) / f"v{night.version}", rows)

    def write_items(self, table: Path, night: Night) -> None:
        """Writes the table of what is for sale on the day after the night's, without any event."""
        with open(self._catalogue, newline="") as file:
            header, *rows = csv.reader(file)
        known = [row for row in rows if self._since.get(row[0], _DAYS) <= night.day + 1]
        with open(table, "w", newline="") as file:
            csv.writer(file).writerows([header, *known])

    def date(self, night: Night) -> str:
        """The date of a night's day, as in the name of its folder."""
        return str(_FIRST_DATE + datetime.timedelta(night.day))

    def new_items(self, night: Night) -> set[str]:
        """The items that come up on the night's day."""
        return {item for item, day in self._since.items() if day == night.day}

    def new_users(self, night: Night) -> set[str]:
        """The users that are first seen on the night's day."""
        return self._users([night.day]) - self._users(range(night.day)) - {""}

    def _users(self, days: Iterable[int]) -> set[str]:
        return {row["user_id"] for day in days for row in self._days[day]}

    def _is_there(self, row: dict[str, str], day: int) -> bool:
        return self._since[row["item_id"]] <= day


def deliver(folder: Path, rows: Rows) -> None:
    """Writes a file of events into a new folder."""
    folder.mkdir(parents=True)
    with open(folder / "events.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
