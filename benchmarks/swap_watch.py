"""Constant load on a server whose versions change, with every answer checked."""

import asyncio
from collections import Counter
from time import perf_counter

from benchmarks.distinct_versions import DistinctVersions
from benchmarks.load_loops import OK
from benchmarks.predict_calls import Calls, ranking_of

_MOST_FAULTS_KEPT = 20


class SwapWatch:
    """Sends requests at a constant rate, and knows which versions may answer.

    An answer is right if its version was there before the answer was received, and is not older
    than a version that had answered before the request was sent.

    Args:
        versions: The versions and their answers.
        num_questions: Number of histories, which are sent in turn.
        served: The version that is served at the start.
    """

    def __init__(self, versions: DistinctVersions, num_questions: int, served: int):
        self._versions = versions
        self._num_questions = num_questions
        self.newest = served  # of the versions in the folder
        self.answering = served
        self.first_answers: dict[int, float] = {}
        self.requests: Counter[str] = Counter()
        self.failed = 0
        self.wrong = 0
        self.faults: list[str] = []

    async def ask_until(
        self, stopping: asyncio.Event, protocol: str, calls: Calls, rate: float
    ) -> None:
        """Sends requests at a rate, whether or not the previous ones are answered.

        At the end it waits for the requests under way; when it is cancelled, it cancels them.

        Args:
            stopping: Ends the load when it is set.
            protocol: Name of the protocol of `calls`.
            calls: Calls to the server.
            rate: Requests a second.
        """
        under_way: set[asyncio.Task[None]] = set()
        due, number = perf_counter(), 0
        try:
            while not stopping.is_set():
                task = asyncio.create_task(self.ask(protocol, calls, number % self._num_questions))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
                number += 1
                due += 1 / rate
                await asyncio.sleep(due - perf_counter())
            await asyncio.gather(*under_way)
        finally:
            for task in under_way:
                task.cancel()

    async def ask(self, protocol: str, calls: Calls, question: int) -> None:
        """Sends one request and checks its answer."""
        oldest = self.answering
        reply = await calls.reply(question)
        received = perf_counter()
        self.requests[protocol] += 1
        if reply.code != OK:
            self.failed += 1
            self._keep(f"{protocol}: {reply.code} {reply.body.decode(errors='replace')}")
            return
        answer = ranking_of(reply)
        for version in range(self.newest, oldest - 1, -1):
            if answer.equals(self._versions.ranking(version, question)):
                self.answering = max(self.answering, version)
                self.first_answers.setdefault(version, received)
                return
        self.wrong += 1
        self._keep(
            f"{protocol}: versions {oldest} to {self.newest} do not answer {answer.item_ids[:3]} "
            f"to question {question}"
        )

    def _keep(self, fault: str) -> None:
        if len(self.faults) < _MOST_FAULTS_KEPT:
            self.faults.append(fault)
