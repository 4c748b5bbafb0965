"""The overhead of a server: its requests, one at a time, against calls of the bare session."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.load_loops import OK
from benchmarks.predict_calls import Calls, History, history_array

GOAL = 1.5
"""Criterion: the median latency of a gRPC request, divided by that of the bare session call."""

_ROUNDS, _CALLS_A_ROUND = 30, 20


class BareSession:
    """A version of a model in the server's kind of session, without a server.

    Args:
        version: Folder of the SavedModel, named by the number of the version.
        histories: The histories of the requests, one for each call.
    """

    def __init__(self, version: Path, histories: Sequence[History]):
        from serving.devserver.servables.servable import Servable

        self._servable = Servable("mclrec", int(version.name), version)
        signature = self._servable.signatures["serving_default"]
        self._feeds = [
            {signature.inputs["history"].name: history_array(history)} for history in histories
        ]
        self._fetches = [signature.outputs[name].name for name in sorted(signature.outputs)]

    async def ask(self, number: int) -> str:
        """One call of the session."""
        self._servable.run(self._feeds[number % len(self._feeds)], self._fetches)
        return OK

    def close(self) -> None:
        """Frees the model."""
        self._servable.close()


async def overhead(bare: BareSession, calls: Mapping[str, Calls]) -> dict[str, Any]:
    """Median milliseconds of the bare call and of a request of each protocol, and their ratios.

    A request for which no model runs is timed too: this is the share of the client and of the
    protocol in every request. All take turns of a few calls, so that other work on the machine
    affects them alike.

    Args:
        bare: The session.
        calls: Calls to a server of the same version, by protocol.

    Raises:
        RuntimeError: A request failed.
    """
    asks = {"bare_session": bare.ask}
    for name, each in calls.items():
        asks |= {name: each.ask, f"{name}_without_model": each.ask_status}
    seconds: dict[str, list[float]] = {name: [] for name in asks}
    for turn in range(_ROUNDS):
        for name, ask in asks.items():
            for number in range(turn * _CALLS_A_ROUND, (turn + 1) * _CALLS_A_ROUND):
                began = perf_counter()
                code = await ask(number)
                seconds[name].append(perf_counter() - began)
                if code != OK:
                    raise RuntimeError(f"a request over {name} ended with {code}")
    milliseconds = {name: round(median(found) * 1e3, 3) for name, found in seconds.items()}
    found: dict[str, Any] = {"median_milliseconds": milliseconds}
    for name in calls:
        found[f"{name}_ratio"] = round(milliseconds[name] / milliseconds["bare_session"], 2)
    if "grpc_ratio" in found:
        found |= {"goal": GOAL, "below_goal": found["grpc_ratio"] < GOAL}
    return found
