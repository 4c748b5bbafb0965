"""Served histories as a server's owner logs them: JSON lines."""

import json
from collections.abc import Iterator

import tensorflow as tf

from pipeline.components.example_gen.histories.user_history import UserHistory, to_example
from pipeline.jobs.batch_inference.user_histories import HistoriesError


def write_examples(json_lines: str, file: str) -> None:
    """Writes JSON lines as a TFRecord file of Examples.

    Done before Beam starts, because only a reader that begins at the top knows a line's number.

    Args:
        json_lines: A file of lines `{"history": ["item", "item"]}`.
        file: The file to write.

    Raises:
        HistoriesError: A line is not like that, or there is none.
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
                    raise TypeError("history is not a list of strings")
                yield number, history
    except tf.errors.OpError as error:
        raise HistoriesError(f"{path}: cannot be read: {error.message}.") from error
    except (ValueError, KeyError, TypeError) as error:
        place = f", line {number}" if number else ""
        raise HistoriesError(
            f'{path}{place}: {error!r}. A line is {{"history": ["item", "item"]}}.'
        ) from error
    if not number:
        raise HistoriesError(f"{path}: holds no history.")
