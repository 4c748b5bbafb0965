"""Replaces the version of a served model again and again, under load."""

import asyncio
import shutil
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.progress import Progress

from benchmarks.distinct_versions import DistinctVersions
from benchmarks.predict_calls import PROTOCOLS, History, open_calls
from benchmarks.swap_watch import SwapWatch
from pipeline.local_server import MODEL_NAME, LocalServer

_FIRST = 1
_TIMEOUT_SECONDS = 60  # of a request
_LIMIT_SECONDS = 120  # of a swap


class Swaps:
    """A folder of versions for a server, and the swaps in it.

    Args:
        export: Folder of the SavedModel that the versions are copies of.
        folder: The model base path; the first version is written at once.
        histories: The histories of the requests.
    """

    def __init__(self, export: Path, folder: Path, histories: Sequence[History]):
        self._folder = folder
        self._histories = histories
        self._versions = DistinctVersions(export, histories)
        self._versions.write(folder / str(_FIRST), _FIRST)

    async def run(
        self, server: LocalServer, swaps: int, rate: float, pause: float, bar: Progress
    ) -> dict[str, Any]:
        """Swaps versions under load.

        Args:
            server: A server of the folder.
            swaps: Number of new versions.
            rate: Requests a second over each protocol.
            pause: Seconds from the first answer of a version to the next version, in which the
                server unloads the previous one.
            bar: Shows the number of swaps.

        Raises:
            RuntimeError: A version never answered.
        """
        import psutil

        watch = SwapWatch(self._versions, len(self._histories), _FIRST)
        process = psutil.Process(server.process.pid)
        seconds, sizes, stopping = [], [], asyncio.Event()
        task = bar.add_task("swaps", total=swaps)
        async with AsyncExitStack() as stack:
            loads: list[asyncio.Task[None]] = []
            for protocol in PROTOCOLS:
                address = getattr(server, protocol)
                calls = await stack.enter_async_context(
                    open_calls(protocol, address, MODEL_NAME, self._histories, _TIMEOUT_SECONDS)
                )
                loads.append(asyncio.create_task(watch.ask_until(stopping, protocol, calls, rate)))
            stack.push_async_callback(_end, loads)
            for version in range(_FIRST + 1, _FIRST + 1 + swaps):
                seconds.append(await self._swap(watch, version))
                await asyncio.sleep(pause)
                sizes.append(process.memory_info().rss)
                bar.advance(task)
            stopping.set()
            await asyncio.gather(*loads)
        return {
            "swaps": swaps,
            "requests": dict(watch.requests),
            "failed": watch.failed,
            "wrong": watch.wrong,
            "faults": watch.faults,
            "seconds_to_first_answer": [round(value, 3) for value in seconds],
            "memory_bytes": sizes,
        }

    def close(self) -> None:
        """Frees the model of the export."""
        self._versions.close()

    async def _swap(self, watch: SwapWatch, version: int) -> float:
        whole, part = self._folder / str(version), self._folder / f"{version}.part"
        await asyncio.to_thread(self._versions.write, part, version)
        watch.newest = version
        renamed = perf_counter()
        part.rename(whole)
        while version not in watch.first_answers:
            if perf_counter() - renamed > _LIMIT_SECONDS:
                raise RuntimeError(
                    f"version {version} has not answered within {_LIMIT_SECONDS} s; "
                    f"{watch.failed} requests failed: {watch.faults}"
                )
            await asyncio.sleep(0.005)
        await asyncio.to_thread(shutil.rmtree, self._folder / str(version - 2), ignore_errors=True)
        return watch.first_answers[version] - renamed


async def _end(tasks: Sequence["asyncio.Task[None]"]) -> None:
    """Cancels the tasks that still run after an error."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
