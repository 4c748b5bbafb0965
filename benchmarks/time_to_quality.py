"""Learning curves over wall time, from the files of `benchmarks.quality`.

    cd runs/results
    python -m benchmarks.time_to_quality mclrec-beauty-0.json authors-beauty-0.json --out speed

writes speed.json and speed.png. Wall time is the time of training and validation, without the
pauses between a kill and a resumption. Runs are compared at values that all of them reach.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.command import benchmark_parser
from benchmarks.kept_results import UnusableResult, read_result
from benchmarks.plots import plot_file
from benchmarks.provenance import print_json, provenance, write_json
from pipeline.cli.command_line import path
from pipeline.cli.os_errors import tells_os_errors
from serving.command_line import not_empty

_MONITOR = "val_unseen_items_ndcg_at_10"
_SHARES = (0.5, 0.8, 0.9, 0.95, 1.0)


def curve(result: dict[str, Any], monitor: str = _MONITOR) -> list[tuple[float, float]]:
    """Wall seconds and the best value of the monitor so far, after each epoch."""
    epochs = pd.DataFrame(result["curve"])
    return list(zip(epochs["wall_seconds"], epochs[monitor].cummax(), strict=True))


def seconds_to(points: list[tuple[float, float]], value: float) -> float | None:
    """Wall seconds after which a curve first reaches a value; None if it never does."""
    return next((seconds for seconds, best in points if best >= value), None)


def compare(results: Sequence[dict[str, Any]], monitor: str) -> dict[str, Any]:
    """Learning curves, and the seconds to shares of the highest value that all of them reach."""
    curves = {f"{r['name']}-{r['data']}-{r['seed']}": curve(r, monitor) for r in results}
    common = min(points[-1][1] for points in curves.values())
    reached = [
        {
            "value": round(share * common, 6),
            "seconds": {name: seconds_to(p, share * common) for name, p in curves.items()},
        }
        for share in _SHARES
    ]
    return {"monitor": monitor, "curves": curves, "seconds_to_value": reached}


def print_comparison(compared: dict[str, Any]) -> None:
    """Prints when each curve reaches each value."""
    for row in compared["seconds_to_value"]:
        times = ", ".join(
            f"{name} {'never' if seconds is None else f'{seconds:,.0f} s'}"
            for name, seconds in row["seconds"].items()
        )
        print(f"{compared['monitor']} {row['value']:.4f}: {times}")


def plot(compared: dict[str, Any], file: Path) -> None:
    """Draws the learning curves over a logarithmic time axis."""
    with plot_file(file, (8, 5)) as axis:
        for name, points in compared["curves"].items():
            seconds, values = zip(*points, strict=True)
            axis.step(seconds, values, where="post", label=name)
        axis.set_xscale("log")
        axis.set_xlabel("wall time, seconds")
        axis.set_ylabel(f"best {compared['monitor']}")
        axis.grid(alpha=0.3)
        axis.legend()


@tells_os_errors
def main(arguments: Sequence[str] | None = None) -> None:
    parser = benchmark_parser("time_to_quality", __doc__, "runs/results/time_to_quality")
    parser.add_argument("files", type=path, nargs="+", help="results of benchmarks.quality")
    parser.add_argument("--monitor", type=not_empty, default=_MONITOR, help=f"default: {_MONITOR}")
    options = parser.parse_args(arguments)
    try:
        results = [read_result(file) for file in options.files]
    except UnusableResult as error:
        parser.error(str(error))
    if empty := [str(f) for f, r in zip(options.files, results, strict=True) if not r.get("curve")]:
        parser.error(f"{', '.join(empty)}: no epochs, so no curve")
    compared = compare(results, options.monitor)
    print_comparison(compared)
    result = {
        "benchmark": "time_to_quality",
        **compared,
        "runs": [
            {
                key: run[key]
                for key in ("name", "data", "seed", "configuration", "version", "machine")
            }
            for run in results
        ],
        **provenance(),
    }
    write_json(options.out.with_suffix(".json"), result)
    plot(compared, options.out.with_suffix(".png"))
    print(f"written: {options.out.with_suffix('.json')} and .png")
    if options.json:
        print_json(result)


if __name__ == "__main__":
    sys.exit(main())
