"""How often a call is sent again, and how long the pauses are."""

import time

import grpc

from serving.client.calls import Attempts
from serving.errors import ServingError

_UNAVAILABLE = ServingError(grpc.StatusCode.UNAVAILABLE, "not there")


def test_pauses_double_up_to_a_bound_however_many_there_are() -> None:
    attempts = Attempts(time.monotonic() + 1e6, max_attempts=2**31 - 1)
    for attempt in range(2000):  # 2.0**2000 is no number any more
        attempts.next_timeout()
        pause = attempts.pause_after(_UNAVAILABLE)
        longest = min(5.0, 0.2 * 2 ** min(attempt, 10))
        assert pause is not None and longest / 2 <= pause <= longest


def test_there_is_no_pause_after_the_last_attempt_or_beyond_the_deadline() -> None:
    attempts = Attempts(time.monotonic() + 1e6, max_attempts=2)
    attempts.next_timeout()
    assert attempts.pause_after(ServingError(grpc.StatusCode.INTERNAL, "")) is None
    assert attempts.pause_after(_UNAVAILABLE) is not None
    attempts.next_timeout()
    assert attempts.pause_after(_UNAVAILABLE) is None
    late = Attempts(time.monotonic() + 0.05, max_attempts=2)
    assert 0 < late.next_timeout() <= 0.05
    assert late.pause_after(_UNAVAILABLE) is None
    assert Attempts(time.monotonic() - 1, max_attempts=2).next_timeout() == 0
