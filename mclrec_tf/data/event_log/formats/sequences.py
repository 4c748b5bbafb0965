"""Event logs with a user and all items a line: `user item item …`, oldest first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

import numpy as np

from mclrec_tf.data.event_log.events import RawBatch, row_problem
from mclrec_tf.data.event_log.formats.text_blocks import TextBlocks, split_lines
from mclrec_tf.data.event_log.log_format import EventLogFormat

_SPACE = re.compile(b"[ \t]+")


def read_sequences(path: str, blocks: TextBlocks, format: EventLogFormat) -> Iterator[RawBatch]:
    """Yields an event for each item of each line. Later lines of a user go on with the history."""
    import pyarrow

    separator = format.split_at.encode()
    for block in blocks:
        lines = [_fields(line, separator) for line in split_lines(block)]
        counts = np.array([len(fields) - 1 for fields in lines])
        rows = np.arange(blocks.row, blocks.row + len(lines))
        problems = [
            row_problem(
                path,
                int(row),
                format.item_column,
                "is empty",
                fields[0].decode("utf-8", "surrogateescape"),
            )
            for row, fields in zip(rows, lines, strict=True)
            if len(fields) == 1 and fields[0]
        ]
        firsts = pyarrow.array([fields[0] for fields in lines], pyarrow.binary())
        items = pyarrow.array(list(chain.from_iterable(f[1:] for f in lines)), pyarrow.binary())
        users = firsts.take(pyarrow.array(np.repeat(np.arange(len(lines)), counts)))
        columns = {format.user_column: users, format.item_column: items}
        yield RawBatch(columns, np.repeat(rows, counts), problems)


def _fields(line: bytes, separator: bytes) -> list[bytes]:
    if separator.strip(b" \t"):
        return line.split(separator)
    if separator == b"\t":  # and a space is a part of an id
        return [field for field in line.split(b"\t") if field] or [b""]
    return _SPACE.split(line.strip(b" \t"))
