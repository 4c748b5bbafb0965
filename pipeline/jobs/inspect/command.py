"""The command of a run on a log."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import fields

from pipeline.settings import CatalogueSettings, DataSettings, option


def arguments(
    data: str, settings: DataSettings, catalogue: CatalogueSettings | None = None
) -> list[str]:
    """The arguments of `pipeline.run_local` without --workdir, for settings that are not defaults.

    Args:
        data: The event log.
        settings: How it is read, filtered and split.
        catalogue: The table of the catalogue, if there is one.

    Example:
        >>> from pipeline.jobs.inspect.command import arguments
        >>> from pipeline.settings import DataSettings
        >>> arguments("log.csv", DataSettings(columns="-,user,item", timestamp_column=""))
        ['--data', 'log.csv', '--timestamp-column', '', '--columns=-,user,item']
    """
    found = _option("--data", data)
    for chosen in (settings, catalogue or CatalogueSettings()):
        defaults = type(chosen)()
        for field in fields(chosen):
            value = getattr(chosen, field.name)
            if value != getattr(defaults, field.name):
                found += _option(option(field.name), str(value))
    return found


def pasted(data: str, arguments: Sequence[str]) -> str:
    """The whole command, quoted for a shell.

    Args:
        data: The event log, which names the work folder.
        arguments: What `arguments` returns.
    """
    return shlex.join(
        [sys.executable, "-m", "pipeline.run_local", *arguments, "--workdir", _workdir(data)]
    )


def _option(name: str, value: str) -> list[str]:
    # argparse takes an argument that begins with a hyphen for an option.
    return [f"{name}={value}"] if value.startswith("-") else [name, value]


def _workdir(data: str) -> str:
    """A folder named after the log."""
    parts = [re.sub(r"[*?{}\[\]].*", "", part) for part in os.path.normpath(data).split(os.sep)]
    name = next((part for part in reversed(parts) if re.search(r"\w", part)), "log")
    return "runs/" + (re.sub(r"[^\w.-]+", "-", name.split(".")[0]).strip("-.") or "log")
