"""One span of a log, as the reports keep it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """One span of a log, in its newest version.

    Attributes:
        number: As in its name; of a date, the days since 1970.
        version: None if the path has none.
        path: Its folder, or the glob of its files.
        fingerprint: Of its files, see `log_location.fingerprint`.
    """

    number: int
    version: int | None
    path: str
    fingerprint: str
