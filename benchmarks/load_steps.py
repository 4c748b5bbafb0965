"""Measures the protocols of a server, one after the other, under every load."""

import argparse
from collections.abc import Awaitable
from typing import Any

from rich.progress import Progress

from benchmarks.load_loops import Load, closed_loop, open_loop
from benchmarks.load_report import load_name
from benchmarks.predict_calls import Calls

SHARES_OF_BEST = (0.25, 0.5, 0.75)
"""Rates of the open loop, as shares of the highest throughput of the closed loop."""


class LoadSteps:
    """Makes the rows of a load test.

    Args:
        options: Options of the command: concurrency, rates, seconds, warm_up and seed.
        server_pid: Process id of a server on this machine, to measure its processor time too.
        bar: Shows the number of rows that are done.
        protocols: Number of protocols that will be measured.
    """

    def __init__(
        self, options: argparse.Namespace, server_pid: int | None, bar: Progress, protocols: int
    ):
        self.rows: list[dict[str, Any]] = []
        self._options = options
        self._server_pid = server_pid
        self._bar = bar
        loads = len(options.concurrency) + len(options.rates or SHARES_OF_BEST)
        self._task = bar.add_task("", total=loads * protocols)

    async def measure(self, protocol: str, calls: Calls) -> None:
        """Adds the rows of a protocol.

        Args:
            protocol: Its name.
            calls: Calls to the server over it.
        """
        options, best = self._options, 0.0
        for workers in options.concurrency:
            await closed_loop(calls.ask, workers, options.warm_up)
            running = closed_loop(calls.ask, workers, options.seconds)
            row = await self._add(protocol, "closed", workers, running)
            best = max(best, row["requests_per_second"])
        for rate in options.rates or [max(1, round(best * share)) for share in SHARES_OF_BEST]:
            running = open_loop(calls.ask, rate, options.seconds, options.seed)
            await self._add(protocol, "open", rate, running)

    async def _add(
        self, protocol: str, loop: str, load: float, running: Awaitable[Load]
    ) -> dict[str, Any]:
        row: dict[str, Any] = {"protocol": protocol, "loop": loop, "load": load}
        self._bar.update(self._task, description=f"{protocol}, {load_name(row)}")
        before = self._server_cpu_seconds()
        row |= (await running).row()
        if self._server_pid:
            spent = (self._server_cpu_seconds() - before) / max(row["requests"], 1)
            row["server_cpu_milliseconds_per_request"] = round(spent * 1e3, 3)
        self.rows.append(row)
        self._bar.advance(self._task)
        return row

    def _server_cpu_seconds(self) -> float:
        if not self._server_pid:
            return 0.0
        import psutil

        return sum(psutil.Process(self._server_pid).cpu_times()[:2])
