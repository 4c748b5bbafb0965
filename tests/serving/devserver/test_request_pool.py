"""A pool answers some requests, lets some wait, and refuses the others."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from serving.devserver.request_pool import RequestPool
from serving.errors import Refused, ServingError

_TIMEOUT = 60


async def test_a_pool_bounds_what_runs_and_waits() -> None:
    pool = RequestPool(num_threads=1, max_requests=2)
    go_on = threading.Event()
    runs = [pool.submit(go_on.wait) for _ in range(2)]
    with pytest.raises(Refused):
        pool.submit(go_on.wait)
    go_on.set()
    assert await asyncio.gather(*runs) == [True, True]
    assert await pool.submit(go_on.wait)
    pool.close()


async def test_a_cancelled_call_keeps_its_place_while_it_runs() -> None:
    pool = RequestPool(num_threads=1, max_requests=2)
    runs, go_on, ran = threading.Event(), threading.Event(), threading.Event()
    ended: list[str] = []
    first = pool.submit(lambda: (runs.set(), go_on.wait()), ended=lambda: ended.append("first"))
    await asyncio.to_thread(runs.wait)
    second = pool.submit(ran.set, ended=lambda: ended.append("second"))
    for answer in (first, second):
        answer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await answer
    await _until(lambda: pool.requests == 1)
    assert ended == ["second"]
    go_on.set()
    await _until(lambda: pool.requests == 0)
    assert ended == ["second", "first"]
    assert not ran.is_set()
    pool.close()


async def test_a_closed_pool_refuses() -> None:
    pool = RequestPool(num_threads=1, max_requests=1)
    pool.close()
    with pytest.raises(ServingError, match="shutting down"):
        pool.submit(print)
    assert pool.requests == 0


async def _until(condition: Callable[[], bool]) -> None:
    async def wait() -> None:
        while not condition():
            await asyncio.sleep(0.01)

    await asyncio.wait_for(wait(), _TIMEOUT)
