"""The options and types of arguments that the commands of the pipeline have in common.

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
    """A path of this machine, as a type for argparse.

    Raises:
        argparse.ArgumentTypeError: The value is "" or a URI.
    """
    if "://" in not_empty(value):
        raise argparse.ArgumentTypeError(f"must be a path of this machine, got {value!r}.")
    return Path(value)


def name_in_path(value: str) -> str:
    """The name of one folder, as a type for argparse.

    Raises:
        argparse.ArgumentTypeError: The value is "", ".", ".." or a path of several folders.
    """
    if not_empty(value) in (".", "..") or "/" in value:
        raise argparse.ArgumentTypeError(f"must be the name of one folder, got {value!r}.")
    return value


def real_path(value: str | os.PathLike[str]) -> str:
    """A path without symbolic links, so that all spellings of the path of a log become the same.

    Of a glob pattern, only the folders before the first wildcard are resolved. A link to a file
    whose name ends otherwise is not resolved, because the ending tells how the file is read.

    Args:
        value: A path of this machine, a glob pattern, or a URI, which is returned unchanged.
    """
    text = os.fspath(value)
    if "://" in text:
        return text
    # os.path.abspath would be wrong: link/.. is the folder that contains the target of the link.
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
    """The path without links, unless that changes names of folders that hold values of columns."""
    real = os.path.realpath(path)
    if "=" not in real + path:
        return real
    # This import takes seconds, so it is made here, and only for paths that need it.
    load_tensorflow_quietly()
    from mclrec_tf.data.event_log.log_files import partitions_of

    return real if partitions_of(f"{real}/") == partitions_of(f"{path}/") else path


def _ending(file: str) -> list[str]:
    return Path(file).suffixes[-2:]


def add_accept_missing(parser: argparse.ArgumentParser) -> None:
    """Adds `--accept-missing`."""
    parser.add_argument(
        "--accept-missing",
        action="store_true",
        help="go on if artifacts of earlier runs are gone or damaged: they count as never made, so "
        "nothing is compared with them, and the report says so",
    )


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
        parser: The parser that gets the option.
        shared: An addition to the help text about what runs of the same name share.
    """
    parser.add_argument(
        "--pipeline-name",
        default="mclrec",
        metavar="NAME",
        type=_pipeline_name,
        help=f"name of the pipeline: lower-case letters, digits, hyphens{shared} (default: mclrec)",
    )


def _pipeline_name(name: str) -> str:
    if not _PIPELINE_NAME.fullmatch(name):
        raise argparse.ArgumentTypeError(f"must match {_PIPELINE_NAME.pattern}, got {name!r}.")
    return name


def add_beam_args(
    parser: argparse.ArgumentParser,
    example: str = "",
    default: str = "in one process, in memory",
) -> None:
    """Adds `--beam-args`.

    Args:
        parser: The parser that gets the option.
        example: An example for the help text.
        default: For the help text: where Beam runs without the option.
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
    """Parses a command line. If a value is wrong, the process ends with exit status 2.

    Args:
        parser: A parser to which `add_settings` was applied.
        arguments: The arguments. None takes those of the process.

    Returns:
        All options, and the settings among them.
    """
    options = parser.parse_args(arguments)
    try:
        return options, settings_of(options)
    except ValueError as error:
        parser.error(str(error))
