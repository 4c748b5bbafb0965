"""Served histories as JSON lines, in which the owner of a server may log them."""

import json
from collections.abc import Iterator

import tensorflow as tf

from pipeline.components.example_gen.histories.user_history import UserHistory, to_example
from pipeline.jobs.batch_inference.user_histories import HistoriesError


def write_examples(json_lines: str, file: str) -> None:
    """Writes JSON lines as a TFRecord file of Examples.

    This is done before Beam starts, because only a reader that begins at the first line knows the
    number of a line.

    Args:
        json_lines: A file of lines such as `{"history": ["item", "item"]}`.
        file: The file to write.

    Raises:
        HistoriesError: The file cannot be read, a line has another form, or there is none.
    """
    with tf.io.TFRecordWriter(file) as writer:
        for number, history in _histories(json_lines):
            items = [item.encode() for item in history]
            writer.write(to_example(UserHistory(str(number).encode(), items, [])))


def _histories(path: str) -> Iterator[tuple[int, list[str]]]:
    if tf.io.gfile.isdir(path):
        raise HistoriesError(f"{path}: is a folder. Give a file of JSON lines.")
    number = 0
    try:
        with tf.io.gfile.GFile(path) as lines:
            for number, line in enumerate(lines, start=1):
                history = json.loads(line)["history"]
                if not isinstance(history, list) or not all(isinstance(i, str) for i in history):
                    raise TypeError("history must be a list of strings")
                yield number, history
    except tf.errors.OpError as error:
        raise HistoriesError(
            f"{path}: cannot be read: {error.message}. Give a file of JSON lines."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        line_number = f", line {number}" if number else ""
        raise HistoriesError(
            f'{path}{line_number}: {error!r}. Write lines such as {{"history": ["item", "item"]}}.'
        ) from error
    if not number:
        raise HistoriesError(f"{path}: contains no history. Give a file with some.")
