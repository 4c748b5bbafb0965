"""Finds the vocabulary in Transform's output, and reads it."""

import tensorflow as tf
import tensorflow_transform as tft

from pipeline.components.transform.preprocessing import VOCABULARY


def vocabulary_file(transform_graph: str) -> str:
    """The path of the vocabulary, a text file with one raw item id a line, by id.

    Args:
        transform_graph: The folder of Transform's output.

    Raises:
        FileNotFoundError: The folder has no vocabulary.
    """
    path = tft.TFTransformOutput(transform_graph).vocabulary_file_by_name(VOCABULARY)
    if path is None:
        raise FileNotFoundError(
            f"{transform_graph}: has no vocabulary {VOCABULARY!r}. Give the output of this "
            "pipeline's Transform."
        )
    return path


def item_ids(vocabulary: str) -> list[str]:
    """The raw item ids of a vocabulary, by id; the first one has the id 1.

    Args:
        vocabulary: The path of the file, of Transform's output or of an export.
    """
    with tf.io.gfile.GFile(vocabulary, "rb") as file:
        return file.read().decode("utf-8", "surrogateescape").split("\n")[:-1]


def vocabulary_size(transform_graph: str) -> int:
    """The number of items, |I|.

    Raises:
        FileNotFoundError: The folder has no vocabulary.
    """
    with tf.io.gfile.GFile(vocabulary_file(transform_graph), "rb") as lines:
        return sum(1 for _ in lines)
