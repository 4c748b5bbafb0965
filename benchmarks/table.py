"""Markdown tables of quality runs: mean and spread over seeds, published numbers beside them.

    python -m benchmarks.table runs/results

reads the files of `benchmarks.quality` in a folder. Each data set has a table for each ranking
policy. A row holds the mean ± the standard deviation of all seeds of a name. Runs of one name whose
settings differ are refused. A run with counts gives a second row, without them.

Below stand gains, of MCLRec over its encoder and of counts: the mean of the differences of runs
with the same seed, and its 95 % confidence interval by Student's t.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import pandas as pd
from scipy import stats

from benchmarks.command import benchmark_parser
from benchmarks.kept_results import (
    different_events,
    different_settings,
    read_json,
    whole_result,
)
from benchmarks.published import published
from benchmarks.settings import BASELINES, POLICIES
from pipeline.cli.command_line import path
from pipeline.cli.os_errors import tells_os_errors

COLUMNS = {
    f"{metric}_at_{k}": f"{heading}@{k}"
    for metric, heading in (("hit_rate", "HR"), ("ndcg", "NDCG"))
    for k in (5, 10, 20)
}
"""The headings of the metrics that papers print."""

_GAINED = ("hit_rate_at_10", "ndcg_at_10")
_WITHOUT = ", without counts"
_OF_A_RUN = (
    *("data", "name", "method", "seed", "configuration"),
    *("test", "curve", "epochs", "training_seconds"),
)


def read_results(folder: Path) -> list[dict[str, Any]]:
    """The finished quality runs of a folder.

    Raises:
        UnusableResult: A file of it is damaged, or no result.
    """
    found = {file: read_json(file) for file in sorted(folder.glob("*.json"))}
    # Other benchmarks say which they are.
    return [whole_result(file, one) for file, one in found.items() if "benchmark" not in one]


def with_and_without_counts(results: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The results, and after each that has counts the same run without them."""
    found = []
    for result in results:
        found.append(result)
        if "without_counts" in result:
            found.append(result | result["without_counts"] | {"name": result["name"] + _WITHOUT})
    return found


def tables(results: Sequence[dict[str, Any]]) -> str:
    """All tables, in Markdown.

    Raises:
        ValueError: Runs of one name have different settings, or two of them one seed; or those of
            one data set have different events.
    """
    _check_same(results)
    runs = pd.DataFrame(with_and_without_counts(results), columns=list(_OF_A_RUN))
    # What needs no learning comes last.
    runs["is_baseline"] = runs["method"].isin(BASELINES)
    return "\n\n".join(
        f"### {data}, test, {policy}\n\n{_table(data, policy, found)}{gains(policy, found)}"
        for data, found in runs.groupby("data", sort=False)
        for policy in POLICIES
    )


def _table(data: str, policy: str, runs: pd.DataFrame) -> str:
    """A row for each published result, then for each name with the mean over its seeds."""
    runs, goals = runs.sort_values(["is_baseline", "name"]), published(data, policy)
    values = pd.DataFrame(
        [*(goal.metrics for goal in goals), *(test[policy] for test in runs["test"])],
        index=[*(f"*{goal.name}*" for goal in goals), *runs["name"]],
        columns=list(COLUMNS),
    )
    rows = (
        values.groupby(level=0, sort=False)
        .agg(lambda of: mean_and_spread(of.dropna()))
        .rename(columns=COLUMNS)
    )
    rows["seeds"] = runs.groupby("name").size().map(str)
    trained = runs[runs["curve"].map(bool)].groupby("name")
    rows["epochs"] = trained["epochs"].mean().map("{:.0f}".format)
    rows["seconds"] = trained["training_seconds"].mean().map("{:,.0f}".format)
    lines = [f"| | {' | '.join(rows)} |", "|---" * (1 + len(rows.columns)) + "|"]
    cells = rows.fillna("").itertuples(name=None)
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in cells)])


def gains(policy: str, runs: pd.DataFrame) -> str:
    """A row for each two names that differ in one thing and have two seeds or more in common."""
    tests = {
        name: found.set_index("seed")["test"].map(lambda test: test[policy])
        for name, found in runs.groupby("name", sort=True)
    }
    pairs = [(name, name + _WITHOUT) for name in tests]
    pairs += [(name, name.replace("mclrec-", "encoder-", 1)) for name in tests]
    rows = []
    for name, other in pairs:
        if other == name or other not in tests:
            continue
        seeds = tests[name].index.intersection(tests[other].index)
        if len(seeds) < 2:
            continue
        cells = [
            _gain([tests[name][seed][key] - tests[other][seed][key] for seed in seeds])
            for key in _GAINED
        ]
        rows.append(f"| {name} over {other} | {' | '.join(cells)} | {len(seeds)} |")
    if not rows:
        return ""
    headings = " | ".join(COLUMNS[key] for key in _GAINED)
    head = [f"| gain | {headings} | seeds |", "|---" * (2 + len(_GAINED)) + "|"]
    return "\n\n" + "\n".join([*head, *rows])


def _gain(differences: Sequence[float]) -> str:
    """`+.0012 (+.0004 to +.0020)`."""
    count = len(differences)
    half = stats.t.ppf(0.975, count - 1) * stdev(differences) / count**0.5
    middle = mean(differences)
    ends = (middle, middle - half, middle + half)
    return "{} ({} to {})".format(*(f"{value:+.4f}".replace("0.", ".", 1) for value in ends))


def _check_same(results: Sequence[dict[str, Any]]) -> None:
    """Refuses what cannot stand in one table, or be averaged."""
    of_data: dict[str, list[dict[str, Any]]] = {}
    of_name: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for result in results:
        of_data.setdefault(result["data"], []).append(result)
        of_name.setdefault((result["data"], result["name"]), []).append(result)
    for data, found in of_data.items():
        if different := different_events(found):
            raise ValueError(
                f"{data}: results of different {', '.join(different)} are not of the same events; "
                "put them into folders of their own."
            )
    for (data, name), found in of_name.items():
        if different := different_settings(one["configuration"] for one in found):
            raise ValueError(
                f"{name} on {data}: runs with different {', '.join(different)} cannot be averaged; "
                "give them names of their own (--name)."
            )
        seeds = Counter(one["seed"] for one in found)
        if twice := [seed for seed, count in seeds.items() if count > 1]:
            raise ValueError(f"{name} on {data}: seed {twice[0]} is there more than once.")


def mean_and_spread(values: Iterable[float]) -> str:
    """`.0454 ± .0003`; one value alone has no deviation, and none at all is an empty cell."""
    known = list(values)
    # Exact, where pandas' sums may round a mean that ends in 5 to the wrong side.
    measures = (mean, stdev)[: len(known)]
    return " ± ".join(f"{measure(known):.4f}".removeprefix("0") for measure in measures)


@tells_os_errors
def main(arguments: Sequence[str] | None = None) -> None:
    parser = benchmark_parser("table", __doc__)
    parser.add_argument("folder", type=path, help="results of benchmarks.quality")
    options = parser.parse_args(arguments)
    try:
        results = read_results(options.folder)
        if not results:
            parser.error(f"{options.folder} holds no results of benchmarks.quality")
        print(tables(results))
    except ValueError as error:
        parser.error(str(error))
    if options.json:
        runs = [{key: run[key] for key in ("name", "data", "seed", "test")} for run in results]
        print(json.dumps({"benchmark": "table", "runs": runs}))


if __name__ == "__main__":
    sys.exit(main())
