"""Finds the spans of a log, for example daily folders, of which each run reads the newest ones.

A path that contains `{SPAN}`, or `{YYYY}`, `{MM}` and `{DD}`, and perhaps `{VERSION}`, has one span
for each number or day. The placeholders are those of TFX's ExampleGen, which by itself reads only
the newest span.
"""

import re

from tfx.components.example_gen import utils
from tfx.dsl.io import fileio
from tfx.v1 import proto

from mclrec_tf.data.event_log.reader import EventLogError, EventLogFormat, event_log_files
from pipeline.components.example_gen.event_log.log_location import fingerprint
from pipeline.components.example_gen.event_log.span import Span


def has_spans(path: str) -> bool:
    """Whether a path contains a placeholder for a span, a date or a version."""
    specs = (utils.SPAN_FULL_REGEX, utils.VERSION_FULL_REGEX, *utils.DATE_SPECS)
    return any(re.search(spec, path) for spec in specs)


def newest_spans(path: str, window: int, newest: int | None = None) -> list[Span]:
    """Finds the spans of a log, oldest first, each in its newest version.

    Args:
        path: A glob pattern with `{SPAN}` or a date.
        window: How many of the newest spans to return. 0 returns all.
        newest: The number of the last span to return. None, the default, is the newest span that
            exists.

    Raises:
        EventLogError: TFX cannot read the pattern, or no file matches it.
    """
    split = proto.Input.Split(name="log", pattern=path)
    try:
        specs = utils.verify_split_pattern_specs(split)
        # These functions are private, but TFX's driver finds the newest span with them. By using
        # them too, this module finds the same spans.
        glob, regex = utils._create_matching_glob_and_regex("", split, *specs, None)
        versions: dict[int, int | None] = {}
        for file in fileio.glob(glob):
            _, number, _, version = utils._find_matched_span_version_from_path(file, regex, *specs)
            if newest is None or number <= newest:
                others = versions.get(number)
                versions[number] = version if others is None else max(others, version)
        if not versions:
            raise ValueError("no file matches it")
        numbers = sorted(versions)[-window:]
        return [_span(path, specs, number, versions[number]) for number in numbers]
    except ValueError as error:
        reason = str(error).rstrip(".")
        raise EventLogError(
            f"{path}: {reason}. Write the part that differs from span to span as {{SPAN}}, or as "
            "{YYYY}, {MM} and {DD}, and a version as {VERSION}, each once; {SPAN:3} has three "
            "digits."
        ) from error


def _span(path: str, specs: tuple[bool, bool, bool], number: int, version: int | None) -> Span:
    filled = utils.get_pattern_for_span_version(path, *specs, number, version)
    if not fileio.glob(filled):
        raise ValueError(f"no file of span {number} matches {filled}")
    return Span(number, version, filled, fingerprint(event_log_files(filled)))


def log_files(
    path: str, format: EventLogFormat, window: int, newest: int | None = None
) -> tuple[list[str], list[Span]]:
    """Finds the files of a log, with or without spans, in the order in which they are read.

    Args:
        path: A file, a folder or a glob pattern, perhaps with placeholders for spans.
        format: How the log is read.
        window, newest: As for `newest_spans`.

    Returns:
        The files, and the spans, oldest first. The list of spans is empty for a path without
        placeholders.

    Raises:
        EventLogError: There are no files, or a log of several files has no time column, so that
            the order of its events is unknown.
    """
    if not has_spans(path):
        return event_log_files(path, format), []
    if not format.timestamp_column:
        raise EventLogError(
            f"{path}: a log of spans needs a time column, because without one the order of its "
            "events is unknown. Name the column with --timestamp-column."
        )
    spans = newest_spans(path, window, newest)
    return [file for span in spans for file in event_log_files(span.path, format)], spans
