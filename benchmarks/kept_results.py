"""Results on disk: whether a file is a whole result, and of what is asked for."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.settings import POLICIES
from pipeline.settings import option

OF_EVERY_RUN = ("name", "data", "method", "seed", "k_core", "configuration", "version", "test")
"""What every finished run of `benchmarks.quality` and `benchmarks.peers` has told."""

_OF_THE_EVENTS = ("log_sha256", "k_core", "users", "items", "training_events")


class UnusableResult(ValueError):
    """A file is no whole result, or one of other settings, events or defaults than are wanted."""


def read_json(file: Path) -> dict[str, Any]:
    """What a file of a benchmark holds.

    Raises:
        UnusableResult: It holds something else.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:  # of JSON or of UTF-8
        raise UnusableResult(
            f"{file}: is damaged ({error}). Remove it, or copy it again."
        ) from error
    if not isinstance(found, dict):
        raise UnusableResult(f"{file}: holds no result of a benchmark. Remove it.")
    return found


def read_result(file: Path) -> dict[str, Any]:
    """The result of a finished run.

    Raises:
        UnusableResult: The file holds something else, or not all of it.
    """
    return whole_result(file, read_json(file))


def whole_result(file: Path, found: dict[str, Any]) -> dict[str, Any]:
    """What a file holds, once it is known to be all of a finished run's result.

    Raises:
        UnusableResult: It is something else, or not all of it.
    """
    missing = [name for name in OF_EVERY_RUN if found.get(name) is None]
    if not missing:
        test = found["test"]
        missing = [
            f"test of {policy}"
            for policy in POLICIES
            if not isinstance(test, dict) or not isinstance(test.get(policy), dict)
        ]
    if missing:
        raise UnusableResult(
            f"{file}: lacks {', '.join(missing)} of a finished run. Remove it to train anew, or "
            "copy it again."
        )
    return found


def different_settings(configurations: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names of the settings that are not the same in all configurations.

    One that some do not have is different, since nobody knows what they were made with.
    """
    found = list(configurations)
    names = {name for configuration in found for name in configuration}
    return sorted(
        name
        for name in names
        if any(name not in one or one[name] != found[0].get(name) for one in found)
    )


def different_events(results: Iterable[Mapping[str, Any]]) -> list[str]:
    """Which of the results' numbers of their events are not the same in all that tell them."""
    found = list(results)
    told = {
        name: [one[name] for one in found if one.get(name) is not None] for name in _OF_THE_EVENTS
    }
    return [name for name, values in told.items() if any(one != values[0] for one in values)]


def check_asked(file: Path, result: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Checks that a result is of what is asked for.

    Args:
        file: The result's.
        result: The result.
        asked: `method`, `configuration`, and numbers of the events such as `log_sha256`.

    Raises:
        UnusableResult: It is not.
    """
    different = [
        *(["--method"] if result["method"] != asked["method"] else []),
        *(
            "log" if name == "log_sha256" else option(name)
            for name in different_events([result, asked])
        ),
    ]
    if not different:
        different = list(
            map(option, different_settings([result["configuration"], asked["configuration"]]))
        )
    if different:
        raise UnusableResult(
            f"{file} holds a run with another {', '.join(different)}: give another --name or --out."
        )
