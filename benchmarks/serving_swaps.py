"""Version swaps of the local server under constant load over both protocols.

    python -m benchmarks.serving_swaps --model runs/demo/models/mclrec --swaps 200

Every version has other names for the items, so each answer shows which version gave it. An answer
is wrong if its version was not there before the answer was received, or is older than a version
that had answered before the request was sent. A version appears by a rename once it is complete,
and the version of two swaps ago is deleted.

The criterion for the server's memory is the slope of its resident size over the swaps, without the
first fifth of them. The size varies by some megabytes around that line, because the C library keeps
freed memory in arenas for each thread and returns only a part of it.
"""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.command import benchmark_parser, progress_bar
from benchmarks.load_loops import percentiles
from benchmarks.plots import plot_file
from benchmarks.predict_calls import History
from benchmarks.provenance import print_json, provenance, write_json
from benchmarks.served_version import newest_version
from benchmarks.version_swaps import Swaps
from pipeline.cli.command_line import path
from pipeline.cli.os_errors import tells_os_errors
from pipeline.local_server import local_server, server_command

GOAL_SECONDS = 2.0
"""Criterion: the longest time from the rename of a version to its first answer."""

_NUM_HISTORIES = 8
_WARM_UP_SHARE = 0.2


def memory_slope(sizes: Sequence[int]) -> float:
    """Megabytes that a swap adds: the slope of a line through the sizes after the first fifth.

    Args:
        sizes: Resident bytes of the server after each swap.
    """
    settled = np.array(sizes[int(len(sizes) * _WARM_UP_SHARE) :]) / 1e6
    return float(np.polyfit(np.arange(len(settled)), settled, 1)[0])


def plot(result: dict[str, Any], file: Path) -> None:
    """Draws the durations of the swaps and the memory of the server over them."""
    with plot_file(file, (12, 4), 1, 2) as (times, memory):
        times.hist(result["seconds_to_first_answer"], bins=40)
        times.axvline(GOAL_SECONDS, color="grey", linestyle="--", label="goal")
        times.set_xlabel("seconds from the rename to the first answer")
        times.set_ylabel("swaps")
        times.legend()
        memory.plot(np.array(result["memory_bytes"]) / 1e6, ".-")
        memory.set_ylim(bottom=0)
        memory.set_xlabel("swaps")
        memory.set_ylabel("resident memory of the server, MB")


def random_histories(export: Path, seed: int) -> list[History]:
    """Histories of random items of an export's vocabulary; the first is empty."""
    [vocabulary] = (export / "assets").iterdir()
    random, names = np.random.default_rng(seed), vocabulary.read_text().splitlines()
    lengths = [0, *random.integers(1, 51, _NUM_HISTORIES - 1)]
    return [random.choice(names, length).tolist() for length in lengths]


@tells_os_errors
def main(arguments: Sequence[str] | None = None) -> None:
    parser = benchmark_parser("serving_swaps", __doc__, "runs/results/serving_swaps")
    parser.add_argument(
        "--model", type=path, required=True, metavar="DIR", help="model base path of an export"
    )
    parser.add_argument("--swaps", type=int, default=200, help="default: 200")
    parser.add_argument(
        "--rate", type=float, default=20, help="requests a second over each protocol; default: 20"
    )
    parser.add_argument(
        "--pause",
        type=float,
        default=1.5,
        help="seconds between the first answer of a version and the next version; default: 1.5",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the histories; default: 0")
    options = parser.parse_args(arguments)

    export = newest_version(options.model)
    with tempfile.TemporaryDirectory() as folder:
        swaps = Swaps(export, Path(folder), random_histories(export, options.seed))
        with (
            local_server(server_command(folder)) as server,
            progress_bar() as bar,
        ):
            running = swaps.run(server, options.swaps, options.rate, options.pause, bar)
            found = asyncio.run(running)
        swaps.close()
    seconds = {k: v / 1e3 for k, v in percentiles(found["seconds_to_first_answer"]).items()}
    slope = memory_slope(found["memory_bytes"])
    result = {
        "benchmark": "serving_swaps",
        **found,
        "percentiles_of_seconds": seconds,
        "below_goal": seconds["max"] < GOAL_SECONDS,
        "memory_megabytes_per_swap": round(slope, 4),
        "configuration": {"rate": options.rate, "pause": options.pause},
        "seed": options.seed,
        **provenance(),
    }
    write_json(options.out.with_suffix(".json"), result)
    plot(result, options.out.with_suffix(".png"))
    for fault in result["faults"]:
        print(fault)
    print(
        f"{result['swaps']} swaps, {sum(result['requests'].values()):,} requests, "
        f"{result['failed']} failed, {result['wrong']} wrong"
    )
    print(f"rename to first answer: median {seconds['p50']:.2f} s, longest {seconds['max']:.2f} s")
    first, last = (size / 1e6 for size in (found["memory_bytes"][0], found["memory_bytes"][-1]))
    print(f"memory: {first:.0f} MB at first, {last:.0f} MB at last, {slope:+.3f} MB a swap")
    print(f"written: {options.out.with_suffix('.json')} and .png")
    if options.json:
        print_json(result)


if __name__ == "__main__":
    sys.exit(main())
