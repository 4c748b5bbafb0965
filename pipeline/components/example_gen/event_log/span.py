"""The record of one span of a log, which reports and accepted data keep as JSON.

Imports nothing heavy: finding spans needs TFX, describing one does not.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """One span of a log, in its newest version.

    Attributes:
        number: The number in the path, or, where the path has a date, the days since 1970-01-01.
        version: The number of the version. None if the pattern has no `{VERSION}`.
        path: The folder of the span, or the glob pattern of its files.
        fingerprint: The fingerprint of its files, as `log_location.fingerprint` returns it.
    """

    number: int
    version: int | None
    path: str
    fingerprint: str
