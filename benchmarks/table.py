"""Markdown tables of quality runs: mean and spread over seeds, published numbers beside them.

    python -m benchmarks.table runs/results

reads the files of `benchmarks.quality` in a folder. Each data set has a table for each ranking
policy; they never share a column. A row is a name, over all of its seeds: mean ± standard
deviation. Runs of one name whose settings differ are refused.
"""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from benchmarks.published import published
from benchmarks.settings import BASELINES, POLICIES
from pipeline.cli.command_line import path
from pipeline.cli.os_errors import tells_os_errors

COLUMNS = tuple(f"{metric}_at_{k}" for metric in ("hit_rate", "ndcg", "mrr") for k in (5, 10, 20))
_SHORT = {"hit_rate": "HR", "ndcg": "NDCG", "mrr": "MRR"}


def read_results(folder: Path) -> list[dict[str, Any]]:
    """The finished quality runs of a folder."""
    files = sorted(folder.glob("*.json"))
    results = [json.loads(file.read_text()) for file in files]
    return [result for result in results if "test" in result]


def tables(results: Iterable[dict[str, Any]]) -> str:
    """All tables, in Markdown."""
    by_data: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        by_data[result["data"]][result["name"]].append(result)
    parts = []
    for data, rows in by_data.items():
        for name, runs in rows.items():
            _check_same_settings(data, name, runs)
        parts += [_table(data, policy, rows) for policy in POLICIES]
    return "\n\n".join(parts)


def _table(data: str, policy: str, rows: dict[str, list[dict[str, Any]]]) -> str:
    lines = [
        f"### {data}, test, {policy}",
        "",
        f"| | {' | '.join(_heading(column) for column in COLUMNS)} | seeds | epochs | seconds |",
        f"|---|{'---|' * (len(COLUMNS) + 3)}",
    ]
    for goal in published(data, policy):
        cells = [_number(goal.metrics.get(column)) for column in COLUMNS]
        lines.append(_row(f"*{goal.name}*", [*cells, "", "", ""]))
    # What needs no learning comes last.
    for name in sorted(rows, key=lambda name: (rows[name][0]["method"] in BASELINES, name)):
        runs = rows[name]
        cells = [_spread([run["test"][policy][column] for run in runs]) for column in COLUMNS]
        trained = [run for run in runs if run["curve"]]
        epochs = f"{mean(run['epochs'] for run in trained):.0f}" if trained else ""
        seconds = f"{mean(run['training_seconds'] for run in trained):,.0f}" if trained else ""
        lines.append(_row(name, [*cells, str(len(runs)), epochs, seconds]))
    return "\n".join(lines)


def _check_same_settings(data: str, name: str, runs: list[dict[str, Any]]) -> None:
    first = runs[0]["configuration"]
    for run in runs[1:]:
        different = {
            key
            for key in first | run["configuration"]
            if first.get(key) != run["configuration"].get(key)
        }
        if different:
            raise ValueError(
                f"{name} on {data}: runs with different {', '.join(sorted(different))} cannot be "
                "averaged; give them names of their own (--name)"
            )


def _spread(values: list[float]) -> str:
    if len(values) == 1:
        return _number(values[0])
    return f"{_number(mean(values))} ± {_number(stdev(values))}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}".removeprefix("0")


def _heading(column: str) -> str:
    metric, k = column.split("_at_")
    return f"{_SHORT[metric]}@{k}"


def _row(name: str, cells: list[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"


@tells_os_errors
def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.table", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folder", type=path, help="results of benchmarks.quality")
    parser.add_argument("--json", action="store_true", help="print the runs read as the last line")
    options = parser.parse_args(arguments)
    results = read_results(options.folder)
    if not results:
        parser.error(f"{options.folder} holds no results of benchmarks.quality")
    try:
        print(tables(results))
    except ValueError as error:
        parser.error(str(error))
    if options.json:
        runs = [{key: run[key] for key in ("name", "data", "seed", "test")} for run in results]
        print(json.dumps({"benchmark": "table", "runs": runs}))


if __name__ == "__main__":
    sys.exit(main())
