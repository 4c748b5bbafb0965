"""Whether the files of a log can be read as one, once it is known what each of them holds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mclrec_tf.data.event_log.events import EventLogError
from mclrec_tf.data.event_log.log_files import names_apart
from mclrec_tf.data.event_log.values.times import ORDER, ROWS, TimeScale

_PARTS = tuple(
    re.compile(rf"(?<![a-z])(?i:{names})|(?-i:{capital})")
    for names, capital in (
        ("train", "Train"),
        ("valid|eval|(val|dev)(?![a-z])", "Valid|Eval"),
        ("test|hold-?_?out", "Test|HoldOut|Holdout"),
    )
)
"""How files and folders of the parts of a split are named, the oldest first."""


def check_same_scale(scales: Mapping[str, TimeScale | None]) -> None:
    """Checks that the times of all files of a log can be compared.

    Args:
        scales: By path; None where a file has no usable row.

    Raises:
        EventLogError: They cannot.
    """
    _check_order_of_parts([path for path, s in scales.items() if s and s.unit == ORDER])
    known = [(path, scale) for path, scale in scales.items() if scale]
    for path, scale in known[1:]:
        first_path, first = known[0]
        if scale.unit == first.unit == ROWS:
            raise EventLogError(
                f"{path}: has no times, like {first_path}. The order of rows is known within one "
                "file only: join the files, or name the time column with timestamp_column=, on the "
                "command line --timestamp-column."
            )
        if scale.unit != first.unit:
            raise EventLogError(
                f"{path}: holds {scale}, but {first_path} holds {first}. Times of two kinds cannot "
                "be put in order: write all files alike."
            )


def _check_order_of_parts(paths: Sequence[str]) -> None:
    """Refuses histories without times that would begin with their test items."""
    last = ("", 0)
    for path, name in zip(paths, names_apart(paths), strict=True):
        for index, part in enumerate(_PARTS):
            if not part.search(name):
                continue
            if index < last[1]:
                raise EventLogError(
                    f"{path}: is read after {last[0]}, because files are read in the order of "
                    "their names, and so histories would go on with what came first. Give the "
                    "files and folders names in the order of time: 1-train, 2-test."
                )
            last = (path, index)


def check_any_rows(empty: Mapping[str, str]) -> list[str]:
    """Checks that a log is not empty as a whole.

    Args:
        empty: By path, why a file holds nothing; "" if it does not.

    Returns:
        A note where some of several files are empty.

    Raises:
        EventLogError: All files are.
    """
    if empty and all(empty.values()):
        raise EventLogError(next(iter(empty.values())))
    names = [path for path, reason in empty.items() if reason]
    if not names:
        return []
    return [f"{len(names):,} of {len(empty):,} files are empty and were left out: {names[0]}"]
