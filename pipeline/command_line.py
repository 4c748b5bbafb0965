"""What the commands of the pipeline have in common.

Imports nothing heavy, so that `--help` answers at once.
"""

import argparse
import re
import shlex
from collections.abc import Sequence

from pipeline import settings

_PIPELINE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def add_model_name(parser: argparse.ArgumentParser) -> None:
    """Adds `--model-name`."""
    parser.add_argument(
        "--model-name", default="mclrec", metavar="NAME", help="name of the model (default: mclrec)"
    )


def add_pipeline_name(parser: argparse.ArgumentParser, shared: str = "") -> None:
    """Adds `--pipeline-name`.

    Args:
        parser: gets the option.
        shared: what the runs of one name share, for the help.
    """
    parser.add_argument(
        "--pipeline-name",
        default="mclrec",
        metavar="NAME",
        type=_pipeline_name,
        help=f"name of the pipeline: small letters, digits and hyphens{shared} (default: mclrec)",
    )


def _pipeline_name(name: str) -> str:
    if not _PIPELINE_NAME.fullmatch(name):
        raise argparse.ArgumentTypeError(f"must match {_PIPELINE_NAME.pattern}; got {name}")
    return name


def add_beam_args(
    parser: argparse.ArgumentParser,
    example: str = "",
    default: str = "in one process, in memory",
) -> None:
    """Adds `--beam-args`.

    Args:
        parser: gets the option.
        example: shown in its help.
        default: where Beam works without the option.
    """
    shown = f', for example "{example}"' if example else ""
    parser.add_argument(
        "--beam-args",
        metavar="ARGS",
        type=shlex.split,
        help=f"Beam's options, in quotes{shown} (default: {default})",
    )


def parse(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None
) -> tuple[argparse.Namespace, settings.Settings]:
    """Parses the command line of a parser with `settings.add_options`; a wrong value ends it."""
    options = parser.parse_args(arguments)
    try:
        return options, settings.from_options(options)
    except ValueError as error:
        parser.error(str(error))
