"""Logs of a shop, day by day."""

import random
from pathlib import Path

from tests.pipeline.components.example_gen.conftest import write_log


def day(folder: Path, number: int, users: int = 40, item: str = "") -> None:
    """A day's log of users with twenty events each, all of one item if it is given."""
    rng = random.Random(number)
    events = [
        (f"user{user}", item or f"item{rng.randrange(12)}", 1000 * number + event)
        for user in rng.sample(range(50), users)
        for event in range(20)
    ]
    folder.mkdir(parents=True)
    write_log(folder / "log.csv", events)
