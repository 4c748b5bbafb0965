"""Waits for what a server does by itself."""

import time
from collections.abc import Callable

_SECONDS = 300


def wait_until(condition: Callable[[], bool], what: str) -> float:
    """Waits, long enough for a slow machine; returns how many seconds it took."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < _SECONDS, f"not within {_SECONDS} s: {what}"
        time.sleep(0.02)
    return time.monotonic() - begun
