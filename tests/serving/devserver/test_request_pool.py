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
    runs = [asyncio.create_task(pool.run(go_on.wait)) for _ in range(2)]
    await _until(lambda: pool.requests == 2)
    with pytest.raises(Refused):
        pool.check()
    ended = []
    with pytest.raises(Refused):
        await pool.run(go_on.wait, ended=lambda: ended.append(1))
    assert ended
    go_on.set()
    assert await asyncio.gather(*runs) == [True, True]
    pool.check()
    pool.close()


async def test_a_request_whose_caller_has_gone_keeps_its_place_and_is_not_run() -> None:
    pool = RequestPool(num_threads=1, max_requests=2)
    go_on, ran = threading.Event(), threading.Event()
    ended: list[str] = []
    first = asyncio.create_task(pool.run(go_on.wait, ended=lambda: ended.append("first")))
    second = asyncio.create_task(pool.run(ran.set, ended=lambda: ended.append("second")))
    await _until(lambda: pool.requests == 2)
    for task in (first, second):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert (pool.requests, ended) == (2, [])
    go_on.set()
    await _until(lambda: pool.requests == 0)
    assert ended == ["first", "second"]
    assert not ran.is_set()
    pool.close()


async def test_a_closed_pool_refuses() -> None:
    pool = RequestPool(num_threads=1, max_requests=1)
    pool.close()
    with pytest.raises(ServingError, match="shutting down"):
        await pool.run(print)
    assert pool.requests == 0


async def _until(condition: Callable[[], bool]) -> None:
    async def wait() -> None:
        while not condition():
            await asyncio.sleep(0.01)

    await asyncio.wait_for(wait(), _TIMEOUT)
