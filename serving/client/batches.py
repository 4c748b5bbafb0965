"""Splits a batch over several requests and says which part failed."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import TypeVar

from serving.client.drivers import Driver
from serving.errors import ServingError

_Part = TypeVar("_Part")


class BatchError(ServingError):
    """One of the requests of a batch that failed; the code and the message are its own.

    Args:
        rows: Places in the batch of the histories that the request held.
        size: Of the batch.
        error: Of the request.
    """

    def __init__(self, rows: range, size: int, error: ServingError):
        super().__init__(
            error.code, f"rows {rows.start} to {rows.stop - 1} of {size}: {error.message}"
        )
        self.rows = rows


async def ask_in_parts(
    driver: Driver,
    ask: Callable[[range], Awaitable[_Part]],
    size: int,
    rows_per_request: int,
    requests_in_flight: int,
) -> list[_Part]:
    """Asks for all rows of a batch, some rows at a time.

    Args:
        driver: Asks for several parts at once.
        ask: Answers for the rows of a range.
        size: The number of rows.
        rows_per_request: At most.
        requests_in_flight: How many parts are asked for at once.

    Returns:
        The answers in the order of the rows.

    Raises:
        BatchError: One part failed; what had not been asked by then never is.
    """

    async def part(rows: range) -> _Part:
        try:
            return await ask(rows)
        except ServingError as error:
            raise BatchError(rows, size, error) from error

    parts = [
        functools.partial(part, range(start, min(start + rows_per_request, size)))
        for start in range(0, size, rows_per_request)
    ]
    return await driver.gather(parts, requests_in_flight)
