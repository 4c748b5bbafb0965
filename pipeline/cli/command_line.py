"""What the commands of the pipeline have in common.

Imports nothing heavy, so that `--help` answers at once.
"""

import argparse
import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from pipeline.cli.setting_options import settings_of
from pipeline.settings import Settings
from serving.command_line import not_empty
from serving.tensorflow_log import load_tensorflow_quietly

_PIPELINE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def path(value: str) -> Path:
    """A path of this machine, for argparse: "" is none, and no URI is."""
    if "://" in not_empty(value):
        raise argparse.ArgumentTypeError(f"must be a path of this machine; got {value}")
    return Path(value)


def name_in_path(value: str) -> str:
    """The name of one folder, for argparse."""
    if not_empty(value) in (".", "..") or "/" in value:
        raise argparse.ArgumentTypeError(f"must be the name of one folder; got {value}")
    return value


def real_path(value: str | os.PathLike[str]) -> str:
    """A path of this machine without links, so that every spelling of a log is the same log.

    A URI stays as it is; of a glob, the folders before its first pattern are looked up; a file
    keeps its name where a link has another ending, because the ending tells how it is read.
    """
    text = os.fspath(value)
    if "://" in text:
        return text
    # Not os.path.abspath: link/.. is the folder that holds what the link leads to.
    text = str(Path(text).absolute())
    if os.path.exists(text):
        real = _real(text)
        if os.path.isdir(real) or _ending(real) == _ending(text):
            return real
        return os.path.join(_real(os.path.dirname(text)), os.path.basename(text))
    folder, pattern = text, ""
    while folder != "/" and not os.path.isdir(folder):
        folder, name = os.path.split(folder)
        pattern = os.path.join(name, pattern) if pattern else name
    return os.path.normpath(os.path.join(_real(folder), pattern))


def _real(path: str) -> str:
    """The path without links, unless these have the names of folders that are columns."""
    real = os.path.realpath(path)
    if "=" not in real + path:
        return real
    # Not at the top of the file, nor for every path: it takes seconds.
    load_tensorflow_quietly()
    from mclrec_tf.data.event_log.log_files import partitions_of

    return real if partitions_of(f"{real}/") == partitions_of(f"{path}/") else path


def _ending(file: str) -> list[str]:
    return Path(file).suffixes[-2:]


def add_model_name(parser: argparse.ArgumentParser) -> None:
    """Adds `--model-name`."""
    parser.add_argument(
        "--model-name",
        type=name_in_path,
        default="mclrec",
        metavar="NAME",
        help="name of the model (default: mclrec)",
    )


def add_pipeline_name(parser: argparse.ArgumentParser, shared: str = "") -> None:
    """Adds `--pipeline-name`.

    Args:
        parser: Gets the option.
        shared: What the runs of one name share, for the help.
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
        parser: Gets the option.
        example: Shown in its help.
        default: Where Beam works without the option.
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
) -> tuple[argparse.Namespace, Settings]:
    """Parses the command line of a parser with `add_settings`; a wrong value ends it."""
    options = parser.parse_args(arguments)
    try:
        return options, settings_of(options)
    except ValueError as error:
        parser.error(str(error))
