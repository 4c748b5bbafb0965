"""What the commands that show names beside the ids of items have in common."""

import argparse
import re
from typing import NamedTuple

# White space, control characters, and what turns the direction of the text that follows.
_NOT_OF_A_LINE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


class FileAndColumn(NamedTuple):
    """The file of a catalogue, and the name of a column in it."""

    file: str
    column: str


def file_and_column(text: str) -> FileAndColumn:
    """A file and a column, for argparse, such as items.csv:title.

    What stands after the last colon is the column, so that the path may hold others: gs://….

    Raises:
        argparse.ArgumentTypeError: One of the two is missing.
    """
    file, _, column = text.rpartition(":")
    if not file or not column or column.startswith("//"):
        raise argparse.ArgumentTypeError(
            f"must be FILE:COLUMN, for example items.csv:title, got {text!r}."
        )
    return FileAndColumn(file, column)


def one_line(name: str) -> str:
    """A name without what breaks a line or steers a terminal."""
    return _NOT_OF_A_LINE.sub(" ", name).strip()
