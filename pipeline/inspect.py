"""Command line: inspects an event log before anything is trained on it.

Example:
    python -m pipeline.inspect events.csv
"""

import argparse
import io
import os
import sys

from rich.console import Console

from pipeline.cli.interrupts import INTERRUPTED
from pipeline.cli.os_errors import tells_os_errors
from pipeline.cli.setting_options import add_options, chosen
from pipeline.settings import LOG_OPTIONS, CatalogueSettings, DataSettings
from serving.command_line import not_empty
from serving.tensorflow_log import load_tensorflow_quietly

WOULD_START, WOULD_NOT, WRONG_OPTIONS = 0, 1, 2
_SETTINGS = (
    *LOG_OPTIONS,
    "k_core",
    "max_bad_rows",
    "window_spans",
    "split",
    "validation_period",
    "test_period",
)

_EPILOG = f"""\
Shows how the files are read, what they contain, what the k-core leaves, the expected time and
memory of a run, what a table of the catalogue (--items) tells of the items, and the command of
pipeline.run_local to paste. Of a large log it reads a part and
says so. Columns that are not named are guessed, and the command names them.

exit status: {WOULD_START} a run would start; {WOULD_NOT} would not; {WRONG_OPTIONS} wrong options
"""


def parser() -> argparse.ArgumentParser:
    """The options of the command: those of a run that say how the log is read."""
    result = argparse.ArgumentParser(
        prog="python -m pipeline.inspect",
        description="Inspects an event log before anything is trained on it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument(
        "data",
        nargs="+",
        type=not_empty,
        metavar="DATA",
        help="the event log: a file, a folder or a pattern in quotes, like --data of a run",
    )
    add_options(result, DataSettings, _SETTINGS)
    add_options(result, CatalogueSettings)
    return result


@tells_os_errors
def main(arguments: list[str] | None = None) -> int:
    """Runs the command and returns the exit status."""
    options_parser = parser()
    options = options_parser.parse_args(arguments)
    try:
        return _inspect(options_parser, options)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # The reader of the output, for example head, has ended.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return WOULD_NOT


def _inspect(options_parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    if len(options.data) > 1:
        options_parser.error(
            f"DATA must be one path, got {len(options.data)}. Put a pattern in quotes."
        )
    (data,) = options.data
    load_tensorflow_quietly()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # A log may contain what a terminal cannot show.
            stream.reconfigure(errors="backslashreplace")
    # These imports take seconds. They are made here so that --help answers at once.
    from pipeline.jobs.inspect.inspection import inspect_log
    from pipeline.jobs.inspect.show import printable, show

    try:
        settings = chosen(options, DataSettings, _SETTINGS)
        catalogue = chosen(options, CatalogueSettings)
    except ValueError as error:
        options_parser.error(str(error))
    found = inspect_log(data, settings, catalogue=catalogue)
    console = Console(highlight=False, markup=False, soft_wrap=True)
    show(found, console)
    sys.stdout.flush()
    for problem in found.problems:
        print(f"A run would not start: {printable(problem)}", file=sys.stderr)
    return WOULD_NOT if found.problems else WOULD_START


if __name__ == "__main__":
    sys.exit(main())
