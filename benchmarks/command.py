"""What the commands of the benchmarks have in common: their parser, and how they show progress."""

import argparse
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pipeline.cli.command_line import path


def benchmark_parser(
    name: str, description: str | None, out: str | None = None, usage: str | None = None
) -> argparse.ArgumentParser:
    """A parser with the options of every benchmark.

    Args:
        name: Name of the module in `benchmarks`.
        description: Its docstring.
        out: Default of `--out`; without one there is no such option.
        usage: The first line of the help, where argparse's own would not do.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}",
        usage=usage,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if out:
        parser.add_argument("--out", type=path, default=Path(out), help=f"default: {out}")
    parser.add_argument("--json", action="store_true", help="print the result as the last line")
    return parser


def progress_bar() -> Progress:
    """A bar on stderr with a description, the number of steps done and the time."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True))
