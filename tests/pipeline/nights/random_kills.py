"""Moments at which a night is killed, drawn at random along the course of a night that was not."""

import bisect
import itertools
import random
import re
from typing import NamedTuple

_DONE = re.compile(r"\] (\w+) done, ([\d.]+) s")
# What runs around the push, and from when on.
_PUSH_FROM, _PUSH = "Blessing", ("Blessing", "Pusher")


class Moment(NamedTuple):
    """So many seconds after a line with this text; after the start if it is ""."""

    text: str
    seconds: float


class RandomKills:
    """Draws moments, each second of a night as likely as any other.

    A moment is counted from the start of the component that was at work then, so that it is met
    in a run that is slower, or that keeps what an earlier one has done.

    Args:
        output: what a night printed that ran through.
        seconds: how long it took.
        seed: of the draws.
    """

    def __init__(self, output: str, seconds: float, seed: int):
        self._random = random.Random(seed)
        done = [(name, float(took)) for name, took in _DONE.findall(output)]
        self._took = dict(done)
        # TensorFlow is loaded before the components run, the page is written after them.
        self._around = (seconds - sum(self._took.values())) / 2
        assert self._around > 0, output

    def anywhere(self, count: int, until: str = "") -> list[Moment]:
        """Moments of the whole night, or of its part up to the end of a component.

        They come in the order of the night, so that each is met by work that was not done yet.
        """
        course = [("", self._around)]
        for name, took in self._took.items():
            course.append((f"{name} starts", took))
            if name == until:
                break
        else:
            course[-1] = (course[-1][0], course[-1][1] + self._around)
        ends = list(itertools.accumulate(took for _, took in course))
        drawn = sorted(self._random.uniform(0, ends[-1]) for _ in range(count))
        places = [bisect.bisect(ends[:-1], seconds) for seconds in drawn]
        return [
            Moment(course[place][0], seconds - (ends[place] - course[place][1]))
            for place, seconds in zip(places, drawn, strict=True)
        ]

    def around_the_push(self) -> Moment:
        """From before the model is blessed to after it was pushed."""
        longest = 2 * sum(self._took[name] for name in _PUSH)
        return Moment(f"{_PUSH_FROM} starts", self._random.uniform(0, longest))
