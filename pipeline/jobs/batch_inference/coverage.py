"""How much of the histories the model knows."""

import os
from collections.abc import Iterable
from typing import NamedTuple

from tfx.dsl.io import fileio

from serving.client.answers import Recommendations
from serving.export_contract import HISTORY_LENGTH

_FILE = "coverage"


class Coverage(NamedTuple):
    """Counts over users, which add up.

    Attributes:
        users: All of them.
        unknown_users: Those with a history, but with no item that the model knows.
        items: Of the histories, of each at most the last 50, which a model reads.
        known_items: Those that the model knows.
        uncounted_users: Answered by a model of an earlier version, which does not count.
    """

    users: int = 0
    unknown_users: int = 0
    items: int = 0
    known_items: int = 0
    uncounted_users: int = 0

    @classmethod
    def of(cls, answer: Recommendations) -> "Coverage":
        """Of one user."""
        known, items = answer.known_items, answer.history_items
        if known is None:
            return cls(users=1, items=items, uncounted_users=1)
        return cls(1, int(items > 0 and known == 0), items, known)

    @classmethod
    def total(cls, parts: Iterable["Coverage"]) -> "Coverage":
        """Of all users."""
        return cls(*map(sum, zip(cls(), *parts, strict=True)))

    def __str__(self) -> str:
        if self.uncounted_users:
            return (
                f"{self.users:,} users. How many of their items the model knows is not told: its "
                "export is of an earlier version."
            )
        share = self.known_items / max(self.items, 1)
        told = (
            f"{self.users:,} users. The model knows {self.known_items:,} of the {self.items:,} "
            f"items ({share:.1%}) in their histories, of each of which it reads the last "
            f"{HISTORY_LENGTH}."
        )
        if self.unknown_users:
            share = self.unknown_users / self.users
            told += (
                f" Of {self.unknown_users:,} users ({share:.1%}) it knows no item: they got the "
                "popularity ranking."
            )
        return told


def write_coverage(coverage: Coverage, folder: str) -> None:
    """Leaves it in a folder."""
    with fileio.open(os.path.join(folder, _FILE), "w") as file:
        file.write(" ".join(map(str, coverage)))


def read_coverage(folder: str) -> Coverage:
    """Reads what a worker left there."""
    with fileio.open(os.path.join(folder, _FILE)) as file:
        return Coverage(*map(int, file.read().split()))
