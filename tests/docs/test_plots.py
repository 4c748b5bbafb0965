"""The plots show the numbers of today's tables."""

import re
from types import ModuleType

import pytest

from tests.distributions import load_script
from tests.docs.pages import text


@pytest.fixture(scope="module")
def plot_results() -> ModuleType:
    return load_script("plot_results")


def labels(plot: str) -> list[str]:
    return re.findall(r">([\d.]+)</text>", text(f"docs/assets/{plot}"))


def test_beauty(plot_results: ModuleType) -> None:
    rows = [list(rows.values()) for rows in plot_results.beauty().values()]
    assert len(rows) == 2 and min(map(len, rows)) > 4
    shown = {label for label in labels("beauty.svg") if re.fullmatch(r"\.\d{4}", label)}
    assert shown == {f"{value:.4f}"[1:] for values in rows for value in values}


def test_warm_start(plot_results: ModuleType) -> None:
    seconds = [f"{s:.0f}" for rows in plot_results.warm_start().values() for s in rows.values()]
    assert len(seconds) == 6
    assert set(seconds) <= set(labels("warm-start.svg"))


def test_load(plot_results: ModuleType) -> None:
    """Its points have no labels, so each is where its number belongs: lines as high as numbers."""
    rows = plot_results.load()
    drawn = re.findall(
        r'<path d="((?:[ML] [\d.]+ [\d.]+ \n?){4})" clip-path="[^"]+" '
        r'style="fill: none; stroke: #(?:3b5bdb|e8590c)',
        text("docs/assets/load.svg"),
    )
    heights = [[float(y) for _, y in re.findall(r"[ML] ([\d.]+) ([\d.]+)", line)] for line in drawn]
    assert len(heights) == 4  # requests a second and p99, each of both protocols
    for line, (protocol, column) in zip(
        heights, [("gRPC", 0), ("REST", 0), ("gRPC", 1), ("REST", 1)], strict=True
    ):
        values = [row[column] for row in rows[protocol].values()]
        # The y of an SVG counts from the top.
        order = sorted(range(4), key=lambda place: -line[place])
        assert order == sorted(range(4), key=lambda place: values[place]), (protocol, column)
