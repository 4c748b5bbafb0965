"""The threads that answer requests, and the queue that waits for them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import grpc

from serving.devserver import metrics
from serving.errors import Refused, ServingError

_Answer = TypeVar("_Answer")


class RequestPool:
    """Answers some requests at the same time, lets some more wait, and refuses all others.

    All methods but `close` are called on the event loop, so there is no lock.

    Args:
        num_threads: How many requests run at the same time.
        max_requests: How many requests run or wait at the same time.
    """

    def __init__(self, num_threads: int, max_requests: int):
        self._threads = ThreadPoolExecutor(num_threads, thread_name_prefix="session")
        self._max_requests = max_requests
        self.requests = 0

    def submit(
        self,
        function: Callable[..., _Answer],
        *args: object,
        ended: Callable[[], None] = lambda: None,
    ) -> asyncio.Future[_Answer]:
        """Calls a function in a thread.

        When the caller cancels the future, a function that runs goes on and keeps its place until
        it ends; one that waits is dropped.

        Args:
            function: The function to call.
            args: Its arguments.
            ended: Called on the event loop once the function has ended or has been dropped.

        Returns:
            The value of the function, to be awaited.

        Raises:
            Refused: There is no room.
            ServingError: UNAVAILABLE, the pool is closed.
        """
        if self.requests >= self._max_requests:
            raise Refused(
                "overload",
                f"The server has {self.requests} requests to answer, as many as it takes at a "
                "time. Try again later.",
            )
        try:
            running = self._threads.submit(function, *args)
        except RuntimeError as error:
            raise ServingError(
                grpc.StatusCode.UNAVAILABLE, "The server is shutting down."
            ) from error
        self._count(1)
        loop = asyncio.get_running_loop()
        running.add_done_callback(lambda _: loop.call_soon_threadsafe(self._end, ended))
        return asyncio.wrap_future(running)

    def close(self) -> None:
        """Waits for the calls that run, and drops those that wait; blocks."""
        self._threads.shutdown(cancel_futures=True)

    def _end(self, ended: Callable[[], None]) -> None:
        self._count(-1)
        ended()

    def _count(self, change: int) -> None:
        self.requests += change
        metrics.REQUESTS_IN_FLIGHT.inc(change)
