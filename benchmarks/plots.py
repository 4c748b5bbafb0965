"""Plots that are written to files, without a display."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def plot_file(
    file: Path, size: tuple[float, float], rows: int = 1, columns: int = 1
) -> Iterator[Any]:
    """Makes a plot, which is written when the block ends.

    Args:
        file: Path of the image; its ending names the format.
        size: Width and height in inches.
        rows: Rows of axes.
        columns: Columns of axes.

    Yields:
        The axes, an array of them if there are several.
    """
    # Imported here, because it takes too long for --help.
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(rows, columns, figsize=size, layout="constrained")
    yield axes
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=120)
    plt.close(figure)
