"""A metric against the setting that varies, as the paper's Figures 4 and 6."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev

import numpy as np

from benchmarks.paper.plan import Planned
from benchmarks.paper.tables import Part, mean_and_spread, ranking_parts
from benchmarks.plots import plot_file
from benchmarks.settings import POLICIES
from pipeline.settings import option

METRIC, HEADING = "ndcg_at_20", "NDCG@20"

Points = Mapping[float, Sequence[float]]
"""The values of all seeds by place on the axis."""


def plot_lines(file: Path, panels: Mapping[str, Mapping[str, Points]], axis_label: str) -> None:
    """Draws lines with the standard deviation of the seeds.

    Args:
        file: The image.
        panels: Points by title of the panel and name of the line.
        axis_label: What the axis is.
    """
    with plot_file(file, (10, 4), columns=len(panels)) as axes:
        for axis, (title, lines) in zip(np.ravel(axes), panels.items(), strict=True):
            for name, points in lines.items():
                places = sorted(points)
                values = [points[place] for place in places]
                spreads = [stdev(one) if len(one) > 1 else 0.0 for one in values]
                axis.errorbar(places, list(map(mean, values)), spreads, fmt="o-", label=name)
            if min(places) > 0 and max(places) >= 16 * min(places):
                axis.set_xscale("log", base=2 if max(places) > 1 else 10)
            axis.set_title(title, loc="left", fontsize=11)
            axis.set_xlabel(axis_label)
            axis.set_ylabel(HEADING)
            axis.grid(alpha=0.3)
            axis.legend()


def show(title: str, data: str, planned: Sequence[Planned], stem: Path) -> list[Part]:
    """A plot and tables for each setting that varies.

    Args:
        title: Of the study.
        data: Name of the data set.
        planned: Its runs.
        stem: First part of the names of the images.
    """
    parts = []
    for setting in dict.fromkeys(variant.setting for variant, _ in planned):
        chosen = [one for one in planned if one.variant.setting == setting]
        panels = {policy: _lines(chosen, policy) for policy in POLICIES}
        file = stem.with_name(f"{stem.name}-{setting.strip('_')}.png")
        plot_lines(file, panels, option(setting))
        ends = [
            f"- {policy}, {name}, {option(setting)}: {_ends(points)}"
            for policy, lines in panels.items()
            for name, points in lines.items()
        ]
        parts.append(
            Part("\n".join([f"![{title}, {data}, {setting}]({file.name})", "", *ends]), [])
        )
        parts += ranking_parts(
            f"{data}, {option(setting)}, test",
            data,
            sorted(chosen, key=lambda one: (one.variant.line, one.variant.value)),
            lambda run, policy: run.result()["test"][policy],
        )
    return parts


def _lines(planned: Sequence[Planned], policy: str) -> dict[str, dict[float, list[float]]]:
    lines: dict[str, dict[float, list[float]]] = {}
    for variant, run in planned:
        points = lines.setdefault(variant.line, {})
        points.setdefault(variant.value, []).append(run.result()["test"][policy][METRIC])
    return lines


def _ends(points: Points) -> str:
    """`NDCG@20 is highest at 0.01 (.0519 ± .0011), lowest at 0.5 (.0395 ± .0008)`."""
    places = sorted(points, key=lambda place: mean(points[place]))
    told = [f"{place:g} ({mean_and_spread(points[place])})" for place in (places[-1], places[0])]
    return f"{HEADING} is highest at {told[0]}, lowest at {told[1]}"
