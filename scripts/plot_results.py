"""Draws the plots of docs/results.md from the tables of BUILD_NOTES.md.

    .venv/bin/python scripts/plot_results.py docs/assets

Run it when one of these tables has changed; a test compares their numbers with those in the plots.
"""

import re
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot as plt

_NOTES = Path(__file__).parents[1] / "BUILD_NOTES.md"
_BLUE, _ORANGE, _GREY = "#3b5bdb", "#e8590c", "#868e96"


def tables(section: str) -> list[list[list[str]]]:
    """The tables of a part of the notes between its marks: rows of cells, the header first."""
    text = _NOTES.read_text()
    begin, end = f"<!-- --8<-- [start:{section}] -->", f"<!-- --8<-- [end:{section}] -->"
    part = text.split(begin, 1)[1].split(end, 1)[0]
    found: list[list[list[str]]] = [[]]
    for line in part.splitlines():
        if not line.startswith("|"):
            found.append([])
        elif not re.fullmatch(r"[|\s-]+", line):
            found[-1].append([cell.strip(" *") for cell in line.strip("|").split("|")])
    return [table for table in found if table]


def number(cell: str) -> float:
    """The first number of a cell, without commas and units."""
    return float(re.findall(r"[\d.,]*\d", cell)[0].replace(",", ""))


def beauty() -> dict[str, dict[str, float]]:
    """NDCG@10 by policy and method."""
    found = {}
    for table in tables("beauty"):
        column = table[0].index("NDCG@10")
        rows = {row[0]: number(row[column]) for row in table[1:] if row[column]}
        found[table[0][0]] = rows
    return found


def load() -> dict[str, dict[int, tuple[float, float]]]:
    """Requests a second and p99 by protocol and requests at a time."""
    (table,) = tables("load")
    return {
        "gRPC": {int(row[0]): (number(row[1]), number(row[3])) for row in table[1:]},
        "REST": {int(row[0]): (number(row[4]), number(row[6])) for row in table[1:]},
    }


def warm_start() -> dict[str, dict[str, float]]:
    """Seconds by start and seed."""
    (table,) = tables("warm-start")
    return {
        "from scratch": {row[0]: number(row[1]) for row in table[1:]},
        "from yesterday's model": {row[0]: number(row[2]) for row in table[1:]},
    }


def main(folder: Path) -> None:
    plt.rcParams.update(
        {
            "svg.fonttype": "none",  # text stays text, which can be looked up
            "svg.hashsalt": "mclrec-tf",
            "font.family": "sans-serif",
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    )
    figure, axes = plt.subplots(2, 1, figsize=(6.4, 6.2), layout="constrained")
    for axis, (policy, rows) in zip(axes, beauty().items(), strict=True):
        names = list(rows)[::-1]
        values = [rows[name] for name in names]
        published = ["paper" in name or "authors" in name or "published" in name for name in names]
        bars = axis.barh(names, values, color=[_GREY if one else _BLUE for one in published])
        axis.bar_label(bars, [f"{value:.4f}"[1:] for value in values], padding=3)
        axis.set_title(f"NDCG@10, {policy}", loc="left", fontsize=11)
        axis.set_xlim(0, 1.15 * max(values))
    _save(figure, folder / "beauty.svg")

    figure, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.2), layout="constrained")
    for (protocol, rows), color in zip(load().items(), (_BLUE, _ORANGE), strict=True):
        at_a_time = [str(count) for count in rows]
        left.plot(at_a_time, [rate for rate, _ in rows.values()], "o-", color=color, label=protocol)
        right.plot(at_a_time, [p99 for _, p99 in rows.values()], "o-", color=color, label=protocol)
    left.set_title("requests a second", loc="left", fontsize=11)
    left.set_ylim(0)
    right.set_title("p99, ms", loc="left", fontsize=11)
    right.set_yscale("log")
    for axis in (left, right):
        axis.set_xlabel("requests at a time")
        axis.legend(frameon=False)
    _save(figure, folder / "load.svg")

    figure, axis = plt.subplots(figsize=(6.4, 2.8), layout="constrained")
    for place, (start, rows) in enumerate(warm_start().items()):
        places = [seed + 0.4 * place for seed in range(len(rows))]
        bars = axis.bar(places, rows.values(), 0.38, color=(_GREY, _BLUE)[place], label=start)
        axis.bar_label(bars, [f"{value:.0f}" for value in rows.values()])
    axis.set_xticks([seed + 0.2 for seed in range(len(rows))], [f"seed {seed}" for seed in rows])
    axis.set_title("seconds to the same quality on validation", loc="left", fontsize=11)
    axis.legend(frameon=False)
    _save(figure, folder / "warm-start.svg")


def _save(figure: plt.Figure, file: Path) -> None:
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: python {sys.argv[0]} FOLDER")
    main(Path(sys.argv[1]))
