"""Looks for the items of a table of the catalogue in an event log, before a run."""

from collections.abc import Iterable, Set

from mclrec_tf.data.event_log.reader import LogFile
from pipeline.settings import DataSettings


def any_in_log(known: Set[str], log: Iterable[str], settings: DataSettings) -> tuple[bool, str]:
    """Whether the log has one of the items. It is read as far as is needed to tell.

    Args:
        known: Raw ids of items.
        log: The files of the event log.
        settings: How the log is read.

    Returns:
        Whether it has one, and the first item that was read; "" if the log has no events.

    Raises:
        EventLogError: The log cannot be read.
    """
    seen = ""
    for file in log:
        for batch in LogFile(file, settings.format).batches():
            items = batch.items.unique().to_pylist()
            seen = seen or next(iter(items), "")
            if not known.isdisjoint(items):
                return True, seen
    return False, seen
