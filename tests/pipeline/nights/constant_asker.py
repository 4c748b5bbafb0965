"""Asks a server all the time, as its clients do, and counts what goes wrong."""

import threading
from collections.abc import Sequence
from typing import Literal

from pipeline.local_server import LocalServer
from serving.client import RecommendationClient

_PAUSE_SECONDS = 0.1
_ITEMS = 5


class ConstantAsker:
    """Asks over gRPC and REST, each in a thread, from the start of a block to its end.

    Nothing is asked twice, so each request that the server does not answer is counted.

    Args:
        server: where it answers.
        history: what is asked.

    Attributes:
        answered: how many requests had an answer, by protocol.
        failures: what went wrong.
    """

    def __init__(self, server: LocalServer, history: Sequence[str]):
        self._history = history
        self._is_over = threading.Event()
        self.answered = {"grpc": 0, "rest": 0}
        self.failures: list[str] = []
        self._threads = [
            threading.Thread(target=self._ask, args=(server.grpc, "grpc")),
            threading.Thread(target=self._ask, args=(server.rest, "rest")),
        ]

    def __enter__(self) -> "ConstantAsker":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, address: str, protocol: Literal["grpc", "rest"]) -> None:
        with RecommendationClient(address, protocol=protocol, max_attempts=1) as client:
            while not self._is_over.wait(_PAUSE_SECONDS):
                try:
                    found = client.recommend(self._history, k=_ITEMS)
                    assert len(found) == _ITEMS, found
                    self.answered[protocol] += 1
                except Exception as error:
                    self.failures.append(f"{protocol}: {error!r}")
