"""One call of a server's API: what is sent, how the answer is read, and when it is sent again.

The rule of sending again is written by hand and serves both protocols. gRPC's own, the retryPolicy
of a channel, cannot take its place: it ends after 5 attempts whatever its maxAttempts says, it does
not tell how many it made, and it also tries a port again that speaks another protocol. REST has
none at all.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import grpc

from serving.errors import ServingError
from serving.export_contract import LATER_SIGNATURES

Answer = TypeVar("Answer")

_FIRST_PAUSE = 0.2  # seconds; longer than a gRPC channel waits before it connects again
_LONGEST_PAUSE = 5.0
# Not the numbers that a program may have seeded, alike in all of its processes.
_RANDOM = random.SystemRandom()
_NO_SIGNATURE = re.compile(r'Serving signature (?:key|name:) "(\w+)" not found')  # TF Serving's
_DOUBLINGS = 10  # more than it takes to reach the longest pause


@dataclass(frozen=True)
class Call(Generic[Answer]):
    """What to send to a server, and how to read what comes back.

    Args:
        method: The path of a gRPC method, or a URL.
        body: The bytes to send. Over HTTP they are sent with POST, and None is sent with GET.
        read: Makes the answer of the bytes that come back, or raises a ServingError.
    """

    method: str
    body: bytes | None
    read: Callable[[bytes], Answer]


class Attempts:
    """The attempts of one call: how long each may take, and whether there is another.

    A call is sent again only after UNAVAILABLE: the server was not reached, refused (503), or the
    connection broke. It may have worked on a call whose connection broke; that does no harm,
    because all calls only ask. Pauses double, up to 5 s, and each is shortened by up to a half at
    random, so that many clients do not come back together.

    Args:
        deadline: When the call has to be over, by `time.monotonic()`. No pause goes beyond it.
        max_attempts: At least 1.
    """

    def __init__(self, deadline: float, max_attempts: int):
        self.deadline = deadline
        self._max_attempts = max_attempts
        self._begin = time.monotonic()
        self._made = 0

    def next_timeout(self) -> float:
        """Counts an attempt that now begins, and returns the seconds that are left for it."""
        self._made += 1
        return seconds_until(self.deadline)

    def pause_after(self, error: ServingError) -> float | None:
        """The seconds to wait before the next attempt; None if the error is final."""
        doublings = min(self._made - 1, _DOUBLINGS)
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**doublings) * _RANDOM.uniform(0.5, 1)
        if (
            error.code != grpc.StatusCode.UNAVAILABLE
            or self._made >= self._max_attempts
            or time.monotonic() + pause >= self.deadline
        ):
            return None
        return pause

    def final_error(self, error: ServingError, target: str, versions: str = "") -> ServingError:
        """The error of the last attempt, with what a reader of it should know.

        Args:
            error: Of the last attempt.
            target: The model and the server, in words.
            versions: What the server has instead of what it did not find.
        """
        message = error.message
        asked = _NO_SIGNATURE.search(message)
        if asked and asked[1] in LATER_SIGNATURES:
            message = f"{message.rstrip('.')}: the export is of an earlier version, write it again"
        if versions:
            message += f"; {versions}"
        if error.code == grpc.StatusCode.DEADLINE_EXCEEDED:
            message += f" after {time.monotonic() - self._begin:.3g} s"
        if self._made > 1:
            message += f", asked {self._made} times"
        return ServingError(error.code, f"{message} ({target})")


def seconds_until(deadline: float) -> float:
    """The seconds that are left until a deadline by `time.monotonic()`; 0 when it is over."""
    return max(0.0, deadline - time.monotonic())
