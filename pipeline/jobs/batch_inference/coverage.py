"""How many items of the histories the model knows."""

import os
from collections.abc import Iterable
from typing import NamedTuple

from tfx.dsl.io import fileio

from serving.client.answers import Recommendations

_FILE = "coverage"


class Coverage(NamedTuple):
    """Counts over users.

    Attributes:
        users: The number of users.
        unknown_users: The number of users with a history but without an item that the model knows.
        items: The number of items in the histories, of each at most the last ones, as many as the
            model reads.
        known_items: The number of those items that the model knows.
        uncounted_users: The number of users for whom the model, whose export is of an earlier
            version, has not counted the items.
    """

    users: int = 0
    unknown_users: int = 0
    items: int = 0
    known_items: int = 0
    uncounted_users: int = 0

    @classmethod
    def of(cls, answer: Recommendations) -> "Coverage":
        """The counts of one user."""
        known, items = answer.known_items, answer.history_items
        if known is None:
            return cls(users=1, items=items, uncounted_users=1)
        return cls(1, int(items > 0 and known == 0), items, known)

    @classmethod
    def total(cls, parts: Iterable["Coverage"]) -> "Coverage":
        """The sums of the counts of several users."""
        return cls(*map(sum, zip(cls(), *parts, strict=True)))

    def __str__(self) -> str:
        if self.uncounted_users:
            return (
                f"{self.users:,} users. How many of their items the model knows is unknown: its "
                "export is of an earlier version."
            )
        share = self.known_items / max(self.items, 1)
        text = (
            f"{self.users:,} users. The model knows {self.known_items:,} of the {self.items:,} "
            f"items ({share:.1%}) that it reads of their histories."
        )
        if self.unknown_users:
            share = self.unknown_users / self.users
            text += (
                f" It knows no item of {self.unknown_users:,} users ({share:.1%}): they got the "
                "popularity ranking."
            )
        return text


def write_coverage(coverage: Coverage, folder: str) -> None:
    """Writes the counts to a folder."""
    with fileio.open(os.path.join(folder, _FILE), "w") as file:
        file.write(" ".join(map(str, coverage)))


def read_coverage(folder: str) -> Coverage:
    """Reads the counts that a worker has written."""
    with fileio.open(os.path.join(folder, _FILE)) as file:
        return Coverage(*map(int, file.read().split()))
