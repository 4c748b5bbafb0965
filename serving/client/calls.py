"""Asks again while the server is not there."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc

from serving.errors import ServingError

_Answer = TypeVar("_Answer")

_FIRST_PAUSE = 0.2  # seconds; longer than a gRPC channel waits before it connects again
_LONGEST_PAUSE = 5.0


async def ask_with_retries(
    ask: Callable[[float], Awaitable[_Answer]],
    end: float,
    max_attempts: int,
    sleep: Callable[[float], Awaitable[None]],
) -> _Answer:
    """The answer, asked for again after UNAVAILABLE, which the server has not worked on.

    Pauses double, up to 5 s, and each is shortened by up to a half at random, so that many clients
    do not come back together.

    Args:
        ask: Asks once, given the seconds that are left.
        end: When it has to be over, by `time.monotonic()`. No pause goes beyond it.
        max_attempts: At least 1.
        sleep: Waits for some seconds.

    Raises:
        ServingError: Of the last attempt.
    """
    for attempt in itertools.count(1):
        try:
            return await ask(max(0.0, end - time.monotonic()))
        except ServingError as error:
            pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (attempt - 1))
            pause *= random.uniform(0.5, 1)
            if (
                error.code != grpc.StatusCode.UNAVAILABLE
                or attempt >= max_attempts
                or time.monotonic() + pause >= end
            ):
                raise
        await sleep(pause)
    raise AssertionError("unreachable")
