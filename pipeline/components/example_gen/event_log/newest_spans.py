"""The spans of a log: daily folders, say, of which each run reads the newest ones.

A path with `{SPAN}`, or with `{YYYY}`, `{MM}` and `{DD}`, and perhaps `{VERSION}`, has a span for
each number or day, spelled as for TFX's ExampleGen, which by itself reads the newest span only.
"""

import re

from tfx.components.example_gen import utils
from tfx.dsl.io import fileio
from tfx.v1 import proto

from mclrec_tf.data.event_log.reader import EventLogError, EventLogFormat, event_log_files
from pipeline.components.example_gen.event_log.log_location import fingerprint
from pipeline.components.example_gen.event_log.span import Span


def has_spans(path: str) -> bool:
    """Whether a path stands for spans."""
    specs = (utils.SPAN_FULL_REGEX, utils.VERSION_FULL_REGEX, *utils.DATE_SPECS)
    return any(re.search(spec, path) for spec in specs)


def newest_spans(path: str, window: int, newest: int | None = None) -> list[Span]:
    """Finds the spans of a log, oldest first, each in its newest version.

    Args:
        path: Glob pattern with `{SPAN}` or a date.
        window: How many spans, the newest ones; 0 for all.
        newest: The last span to take; None for the newest there is.

    Raises:
        EventLogError: The pattern is not one that TFX reads, or nothing matches it.
    """
    split = proto.Input.Split(name="log", pattern=path)
    try:
        specs = utils.verify_split_pattern_specs(split)
        # Private, but what TFX's driver finds the newest span with: both see the same spans.
        glob, regex = utils._create_matching_glob_and_regex("", split, *specs, None)
        versions: dict[int, int | None] = {}
        for file in fileio.glob(glob):
            _, number, _, version = utils._find_matched_span_version_from_path(file, regex, *specs)
            if newest is None or number <= newest:
                others = versions.get(number)
                versions[number] = version if others is None else max(others, version)
        if not versions:
            raise ValueError("nothing matches it")
        numbers = sorted(versions)[-window:]
        return [_span(path, specs, number, versions[number]) for number in numbers]
    except ValueError as error:
        raise EventLogError(
            f"{path}: {error}. Write what changes from span to span as {{SPAN}}, or as {{YYYY}}, "
            "{MM} and {DD}, and a version as {VERSION}, each once; {SPAN:3} has three digits."
        ) from error


def _span(path: str, specs: tuple[bool, bool, bool], number: int, version: int | None) -> Span:
    filled = utils.get_pattern_for_span_version(path, *specs, number, version)
    if not fileio.glob(filled):
        raise ValueError(f"span {number} is not at {filled}")
    return Span(number, version, filled, fingerprint(event_log_files(filled)))


def log_files(
    path: str, format: EventLogFormat, window: int, newest: int | None = None
) -> tuple[list[str], list[Span]]:
    """Finds the files of a log, with or without spans, in the order in which they are read.

    Args:
        path: A file, a folder or a glob, perhaps with spans.
        format: Names of the columns.
        window, newest: As for `newest_spans`.

    Returns:
        The files, and the spans; no spans if the path has none.

    Raises:
        EventLogError: There are no files, or nothing says in which order their rows stand.
    """
    if not has_spans(path):
        return event_log_files(path, format), []
    if not format.timestamp_column:
        raise EventLogError(
            f"{path}: a log of spans needs a time column, or nothing says which row came first. "
            "Name it with --timestamp-column."
        )
    spans = newest_spans(path, window, newest)
    return [file for span in spans for file in event_log_files(span.path, format)], spans
