"""Load on a server: a closed loop of a fixed concurrency and an open loop of a fixed rate."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import perf_counter, process_time
from typing import Any

import numpy as np
import numpy.typing as npt

OK = "OK"
_PERCENTILES = {"p50": 50, "p90": 90, "p99": 99, "p99.9": 99.9, "max": 100}

Ask = Callable[[int], Awaitable[str]]
"""Sends the request of a number; returns `OK` or a short name of the error."""


@dataclass
class Load:
    """The measurements of a loop.

    Attributes:
        latencies: Seconds of each request, errors included.
        codes: Number of requests by outcome.
        seconds: Wall seconds from the first request to the last answer.
        client_cpu_seconds: Processor time of this process, which a local server shares the machine
            with.
        lateness: Of an open loop, the seconds from the time at which each request was due to the
            time at which it was sent.
    """

    latencies: list[float] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    client_cpu_seconds: float = 0.0
    lateness: list[float] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        """Throughput, percentiles of latency in milliseconds, errors, and CPU of the client."""
        count = max(len(self.latencies), 1)
        row: dict[str, Any] = {
            "requests": len(self.latencies),
            "requests_per_second": round(len(self.latencies) / max(self.seconds, 1e-9), 1),
            "milliseconds": percentiles(self.latencies),
            "errors": {code: number for code, number in self.codes.items() if code != OK},
            "client_cpu_milliseconds_per_request": round(self.client_cpu_seconds / count * 1e3, 3),
        }
        if self.lateness:
            row["sent_late_milliseconds"] = percentiles(self.lateness)
        return row


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Percentiles in milliseconds by name; NaN without any value."""
    values: npt.NDArray[np.float64] = np.percentile(
        np.array(seconds or [np.nan]) * 1e3, list(_PERCENTILES.values())
    )
    return {name: round(float(value), 3) for name, value in zip(_PERCENTILES, values, strict=True)}


async def closed_loop(ask: Ask, workers: int, seconds: float) -> Load:
    """Runs workers, each of which sends its next request once the previous one is answered.

    Args:
        ask: Sends a request.
        workers: Number of workers, which is the concurrency.
        seconds: How long requests are sent; then the requests under way are awaited.
    """
    load = Load()
    began, cpu_began = perf_counter(), process_time()

    async def work(number: int) -> None:
        while (sent := perf_counter()) < began + seconds:
            code = await ask(number)
            load.latencies.append(perf_counter() - sent)
            load.codes[code] += 1
            number += workers

    await asyncio.gather(*map(work, range(workers)))
    load.seconds = perf_counter() - began
    load.client_cpu_seconds = process_time() - cpu_began
    return load


async def open_loop(ask: Ask, rate: float, seconds: float, seed: int = 0) -> Load:
    """Sends requests at the times of a Poisson process, whether or not others are answered.

    Latency counts from the time at which a request was due. So a stall of the server adds to the
    latency of every request that was due in the meantime, and so does a client that is late.

    Args:
        ask: Sends a request.
        rate: Mean number of requests a second.
        seconds: How long requests are sent; then the requests under way are awaited.
        seed: Seed of the times.
    """
    random = np.random.default_rng(seed)
    due_times = np.cumsum(random.exponential(1 / rate, max(1, round(rate * seconds)))).tolist()
    load = Load()
    began, cpu_began = perf_counter(), process_time()

    async def send(number: int, due: float) -> None:
        load.lateness.append(perf_counter() - due)
        code = await ask(number)
        load.latencies.append(perf_counter() - due)
        load.codes[code] += 1

    under_way: set[asyncio.Task[None]] = set()
    for number, due in enumerate(began + time for time in due_times):
        if (wait := due - perf_counter()) > 0:
            await asyncio.sleep(wait)
        task = asyncio.create_task(send(number, due))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)
    load.seconds = perf_counter() - began
    load.client_cpu_seconds = process_time() - cpu_began
    return load
