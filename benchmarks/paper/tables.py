"""Markdown tables of what variants reached, and what the differences between them are."""

import re
from collections.abc import Callable, Mapping, Sequence
from statistics import mean, stdev
from typing import Any, NamedTuple

from benchmarks.paper.plan import Planned
from benchmarks.paper.runs import Run
from benchmarks.published import of_the_paper, published
from benchmarks.settings import BASELINES, POLICIES
from benchmarks.table import COLUMNS, mean_and_spread

Metrics = Mapping[str, float]
Rows = dict[str, dict[int | None, Metrics]]
"""Metrics by name of the variant and seed; the seed of a baseline is None."""

COMPARED = {name: heading for name, heading in COLUMNS.items() if name.endswith("_at_20")}
"""Those of the paper's Table 4, of which differences are told."""


class Part(NamedTuple):
    """A part of the results of a study.

    Attributes:
        markdown: As it is shown.
        numbers: All numbers that it shows or is made of, as JSON can hold them.
    """

    markdown: str
    numbers: list[dict[str, Any]]


def rows_of(planned: Sequence[Planned], metrics: Callable[[Run], Metrics]) -> Rows:
    """The metrics of the runs of one data set.

    Args:
        planned: Its runs, in the order of the rows.
        metrics: What a run reached.
    """
    rows: Rows = {}
    for variant, run in planned:
        seed = None if run.method in BASELINES else run.seed
        rows.setdefault(variant.name, {})[seed] = metrics(run)
    return rows


def part(
    heading: str,
    rows: Rows,
    columns: Mapping[str, str],
    against: str = "",
    compared: Mapping[str, str] = COMPARED,
    beside: Mapping[str, Metrics] | None = None,
    papers: Mapping[str, Metrics] | None = None,
) -> Part:
    """A table with a line of evidence for each difference.

    Args:
        heading: Its heading.
        rows: What is shown.
        columns: Headings of the metrics.
        against: Name of the row from which the others are subtracted; empty for none.
        compared: Headings of the metrics of which differences are told.
        beside: Published rows by name, which stand first.
        papers: What the paper printed for the rows, by their names here.
    """
    goals, papers = beside or {}, papers or {}
    lines = [f"| | {' | '.join([*columns.values(), 'seeds'])} |", "|---" * (len(columns) + 2) + "|"]
    for name, of_paper in goals.items():
        cells = [mean_and_spread([of_paper[key]] if key in of_paper else []) for key in columns]
        lines.append(f"| *{name}* | {' | '.join(cells)} | |")
    for name, seeds in rows.items():
        cells = [mean_and_spread([one[key] for one in seeds.values()]) for key in columns]
        lines.append(f"| {name} | {' | '.join(cells)} | {len(seeds)} |")
    compares = [
        difference(rows, against, name, compared, papers)
        for name in rows
        if against in rows and name != against
    ]
    markdown = "\n".join([f"### {heading}", "", *lines, "", *map(_evidence, compares)])
    numbers = {
        "table": heading,
        "published": goals,
        "rows": {
            name: [{"seed": seed, **one} for seed, one in seeds.items()]
            for name, seeds in rows.items()
        },
        "differences": compares,
    }
    return Part(markdown.rstrip(), [numbers])


def difference(
    rows: Rows,
    of: str,
    less: str,
    compared: Mapping[str, str],
    papers: Mapping[str, Metrics],
) -> dict[str, Any]:
    """What one row has more than another, seed by seed, and in the paper.

    Args:
        rows: The rows.
        of: Name of a row.
        less: Name of the row that is subtracted from it.
        compared: Headings of the metrics.
        papers: What the paper printed for the rows, by their names here.
    """
    first, second = rows[of], rows[less]
    pairs = [
        (first[seed], second[other])
        for seed in first
        for other in (seed, None)  # every seed is compared with a baseline, which has none
        if other in second
    ]
    printed = (papers.get(of, {}), papers.get(less, {}))
    return {
        "of": of,
        "less": less,
        "metrics": {
            heading: {
                "by_seed": [round(a[key] - b[key], 6) for a, b in pairs],
                "paper": round(printed[0][key] - printed[1][key], 6)
                if all(key in metrics for metrics in printed)
                else None,
            }
            for key, heading in compared.items()
        },
    }


def _evidence(found: Mapping[str, Any]) -> str:
    """`- full − without R: NDCG@20 +.0004 ± .0007 (paper +.0010) over 3 seeds`."""
    parts, seeds = [], 0
    for heading, values in found["metrics"].items():
        by_seed = values["by_seed"]
        seeds = len(by_seed)
        if not by_seed:
            continue
        spread = f" ± {unsigned(stdev(by_seed))}" if seeds > 1 else ""
        paper = "" if values["paper"] is None else f" (paper {signed(values['paper'])})"
        parts.append(f"{heading} {signed(mean(by_seed))}{spread}{paper}")
    over = f"over {seeds} seed{'s' if seeds > 1 else ''}"
    told = f"{', '.join(parts)} {over}" if parts else "no seed in common"
    return f"- {found['of']} − {found['less']}: {told}"


def signed(value: float) -> str:
    """`+.0004` or `−.0004`."""
    return re.sub(r"(?<=^.)0(?=\.)", "", f"{value:+.4f}").replace("-", "−")


def unsigned(value: float) -> str:
    """`.0004`."""
    return f"{value:.4f}".removeprefix("0")


def ranking_parts(
    title: str,
    data: str,
    planned: Sequence[Planned],
    metrics: Callable[[Run, str], Metrics],
    against: str = "",
    with_published: bool = True,
) -> list[Part]:
    """A table of ranking metrics for each policy, which never share a column.

    Args:
        title: What the tables are about; the policy is added.
        data: Name of the data set.
        planned: Its runs.
        metrics: What a run reached under a policy.
        against: As of `part`.
        with_published: Whether the numbers are those that papers print.
    """
    parts = []
    for policy in POLICIES:
        of_paper = of_the_paper(data, policy) if with_published else {}
        papers = {v.name: of_paper[v.paper] for v, _ in planned if v.paper in of_paper}
        beside = {row.name: row.metrics for row in published(data, policy)}
        # Ablations of the paper stand beside those that are repeated.
        beside |= {f"{v.paper} (paper)": of_paper[v.paper] for v, _ in planned if v.name in papers}

        def of_policy(run: Run, policy: str = policy) -> Metrics:
            return metrics(run, policy)

        rows = rows_of(planned, of_policy)
        heading = f"{title}, {policy}"
        shown = beside if with_published else {}
        parts.append(part(heading, rows, COLUMNS, against, beside=shown, papers=papers))
    return parts


def show(data: str, planned: Sequence[Planned], against: str) -> list[Part]:
    """The metrics of each variant on the test split."""
    return ranking_parts(
        f"{data}, test", data, planned, lambda run, policy: run.result()["test"][policy], against
    )
