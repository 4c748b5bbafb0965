"""The cost of preprocessing as the event log grows: seconds and memory of every component.

    python -m benchmarks.preprocessing --events 100000 1000000 10000000

writes a log of simulated users for each size (`mclrec_tf.data.sample`; one CSV file with 25 events
for each user and one item for every 100 events) and runs the pipeline's components on it, up to the
Trainer's reading, one after the other and each in its own process. A component whose processes
together hold more than `--memory-gb` is killed and reported as failed, and with it the size. Writes
preprocessing.json, and prints the exponents of growth between the sizes; 1 is linear.

All arguments after `--` go to Beam, as with `--beam-args` of `pipeline.run_local`.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.command import benchmark_parser, progress_bar
from benchmarks.preprocessing_step import STEPS
from benchmarks.provenance import print_json, provenance, write_json
from benchmarks.watched_process import watch
from pipeline.cli.command_line import path
from pipeline.cli.os_errors import tells_os_errors

EVENTS_PER_ITEM = 100
_CHECKOUT = Path(__file__).parents[1]
_OF_A_LOG = ("events", "users", "items")
_MEASURED = {
    "seconds": "seconds",
    "cpu_seconds": "CPU seconds",
    "peak_memory_gb": "peak GB",
}


def measure(
    sizes: Sequence[int], folder: Path, limit_gb: float, beam_args: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Runs every step on a log of every size.

    Args:
        sizes: Numbers of events of the logs.
        folder: Folder for logs and artifacts.
        limit_gb: Most resident memory of a step, in gigabytes.
        beam_args: Beam's options.

    Yields:
        A row for each size, with a row for each of its steps up to the first that failed.
    """
    from mclrec_tf.data.sample.sample_log import write_sample

    with progress_bar() as bar:
        task = bar.add_task("", total=len(sizes) * (1 + len(STEPS)))
        for events in sizes:
            bar.update(task, description=f"{events:,} events: writing the log")
            workdir = folder / str(events)
            workdir.mkdir(parents=True)
            log = workdir / "log.csv"
            contents = write_sample(log, events, num_items=max(events // EVENTS_PER_ITEM, 10))
            bar.advance(task)
            steps: list[dict[str, Any]] = []
            for step in STEPS:
                bar.update(task, description=f"{events:,} events: {step}")
                steps.append(run_step(step, log, workdir, limit_gb, beam_args))
                bar.console.print(
                    _line(events, steps[-1]), markup=False, highlight=False, soft_wrap=True
                )
                bar.advance(task)
                if "failure" in steps[-1]:
                    break
            size = {**contents._asdict(), "log_bytes": log.stat().st_size}
            yield {**size, "artifact_bytes": _artifact_bytes(workdir), "steps": steps}
            shutil.rmtree(workdir)


def run_step(
    step: str, log: Path, workdir: Path, limit_gb: float, beam_args: Sequence[str]
) -> dict[str, Any]:
    """Runs a step in its own process; returns its cost, or why it failed."""
    command = [sys.executable, "-m", "benchmarks.preprocessing_step", step]
    command += [f"--data={log}", f"--workdir={workdir}", *beam_args]
    errors = workdir / f"{step}.log"
    watched = watch(command, errors, limit_gb, _CHECKOUT)
    row = {"step": step, **asdict(watched)}
    printed = row.pop("output")
    if watched.above_limit:
        return {**row, "failure": f"more than {limit_gb:g} GB"}
    if watched.status:
        end = errors.read_text(errors="replace")[-2000:]
        return {**row, "failure": f"exit status {watched.status}: {end}"}
    return {**row, **json.loads(printed.splitlines()[-1])}


def _artifact_bytes(workdir: Path) -> dict[str, int]:
    """Bytes on disk of each component's outputs."""
    return {
        folder.name: sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        for folder in sorted((workdir / "artifacts").glob("*"))
    }


def _line(events: int, row: dict[str, Any]) -> str:
    what, memory = f"{events:,} events: {row['step']}", f"{row['peak_memory_gb']:.2f} GB"
    if "failure" in row:
        return f"{what} FAILED ({memory}): {row['failure']}"
    return f"{what} {row['seconds']:,.1f} s, {row['cpu_seconds']:,.1f} s of CPU, {memory}"


def growth(found: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """How the cost of each step grows from the smallest log to the largest that it finished.

    Returns:
        By step: the exponents of wall and processor time (1 is linear), and the gigabytes that a
        million more events need.
    """
    rows = _rows(found)
    finished = rows[rows["failure"].isna()].sort_values("events", kind="stable")
    by_step = finished.groupby("step", sort=False)[["events", *_MEASURED]]
    first, last = by_step.first(), by_step.last()
    times = np.log((last / first).where((first > 0) & (last > 0)))
    grown = times[["seconds", "cpu_seconds"]].div(times["events"], axis=0).round(2)
    more = last - first
    grown["gb_a_million_events"] = (more["peak_memory_gb"] / more["events"] * 1e6).round(4)
    return {step: row.dropna().to_dict() for step, row in grown[more["events"] > 0].iterrows()}


def _rows(found: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """A row for each step of each size, with NaN where a step failed before it was measured."""
    rows = [
        {**step, **{name: size.get(name) for name in _OF_A_LOG}}
        for size in found
        for step in size["steps"]
    ]
    return pd.DataFrame(rows, columns=[*_OF_A_LOG, "step", *_MEASURED, "failure"])


def print_table(found: Sequence[dict[str, Any]]) -> None:
    """Prints a row for each step of each size."""
    rows = _rows(found).drop(columns="failure")
    rows["CPU µs an event"] = 1e6 * rows["cpu_seconds"] / rows["events"]
    for name in _OF_A_LOG:
        rows[name] = rows[name].map("{:,}".format)
    table = rows.rename(columns=_MEASURED).set_index([*_OF_A_LOG, "step"])
    formats = {"peak GB": "{:.2f}".format}
    print(table.to_string(formatters=formats, float_format="{:,.1f}".format, na_rep="failed"))


def print_growth(grown: dict[str, dict[str, float]]) -> None:
    """Prints a row for each step, if there are two sizes to compare."""
    if grown:
        table = pd.DataFrame(list(grown.values()), index=list(grown))
        print("\nExponents of growth from the smallest log to the largest, GB for a million events")
        print(table.to_string(float_format="{:.2f}".format, na_rep=""))


@tells_os_errors
def main(arguments: Sequence[str] | None = None) -> None:
    parser = benchmark_parser(
        "preprocessing",
        __doc__,
        "runs/results/preprocessing",
        usage="%(prog)s [options] [-- BEAM_OPTION ...]",
    )
    parser.add_argument(
        "--events", type=int, nargs="+", metavar="N", default=[100_000, 1_000_000, 10_000_000]
    )
    parser.add_argument("--memory-gb", type=float, default=8.0, help="most for a step; default: 8")
    parser.add_argument(
        "--folder", type=path, help="for logs and artifacts while it runs; default: a temporary one"
    )
    parser.add_argument("beam_args", nargs="*", metavar="BEAM_OPTION", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    out = options.out.with_suffix(".json")
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for size in measure(options.events, Path(folder), options.memory_gb, options.beam_args):
            found.append(size)
            result = {
                "benchmark": "preprocessing",
                "sizes": found,
                "growth": growth(found),
                "configuration": {"memory_gb": options.memory_gb, "beam_args": options.beam_args},
                "seed": 0,
                **provenance(),
            }
            write_json(out, result)
    print_table(found)
    print_growth(result["growth"])
    print(f"written: {out}")
    if options.json:
        print_json(result)
    failed = [row for size in found for row in size["steps"] if "failure" in row]
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    sys.exit(main())
