"""The threads that answer requests, and the line that waits for them."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import grpc

from serving.errors import Refused, ServingError

_Answer = TypeVar("_Answer")


class RequestPool:
    """Answers some requests at the same time, lets some more wait, and refuses all others.

    All methods but `close` run on the event loop, so there is no lock.

    Args:
        num_threads: How many run at the same time.
        max_requests: How many run or wait at the same time.
        is_open: False to refuse all of them until the attribute of this name is set.
    """

    def __init__(self, num_threads: int, max_requests: int, is_open: bool = True):
        if max_requests < 1:
            raise ValueError(f"max_requests is {max_requests}; at least 1 has to be answered")
        self._threads = ThreadPoolExecutor(num_threads, thread_name_prefix="session")
        self._max_requests = max_requests
        self.is_open = is_open
        self.requests = 0

    def check(self) -> None:
        """Makes sure that there is room, before any work is spent on a request.

        Raises:
            Refused: RESOURCE_EXHAUSTED, or UNAVAILABLE while the pool is not open.
        """
        if not self.is_open:
            raise Refused(
                "loading", "The server is loading its models.", grpc.StatusCode.UNAVAILABLE
            )
        if self.requests >= self._max_requests:
            raise Refused(
                "overload",
                f"The server has {self.requests} requests to answer, as many as it takes at a "
                "time. Try again later.",
            )

    async def run(
        self,
        function: Callable[..., _Answer],
        *args: object,
        ended: Callable[[], None] = lambda: None,
    ) -> _Answer:
        """Calls a function in a thread.

        When the caller goes away a function that runs goes on, and its place stays taken until it
        ends; one that waits is dropped when its turn comes.

        Args:
            function: Called with `args`.
            ended: Called in every case, once the function runs no longer or never will.

        Raises:
            Refused: There is no room.
            ServingError: UNAVAILABLE after `close`; or the function raised it.
        """
        nobody_waits = threading.Event()

        def work() -> _Answer:
            if nobody_waits.is_set():
                raise asyncio.CancelledError
            return function(*args)

        def end(_: object) -> None:
            self.requests -= 1
            ended()

        try:
            self.check()
            running = asyncio.get_running_loop().run_in_executor(self._threads, work)
        except Refused:
            ended()
            raise
        except RuntimeError as error:
            ended()
            raise ServingError(
                grpc.StatusCode.UNAVAILABLE, "The server is shutting down."
            ) from error
        self.requests += 1
        running.add_done_callback(end)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            nobody_waits.set()
            raise

    def close(self) -> None:
        """Waits for the calls that run, and drops those that wait."""
        self._threads.shutdown(cancel_futures=True)
