"""Finds the vocabulary in Transform's output."""

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


def vocabulary_size(transform_graph: str) -> int:
    """The number of items, |I|.

    Raises:
        FileNotFoundError: The folder has no vocabulary.
    """
    with tf.io.gfile.GFile(vocabulary_file(transform_graph), "rb") as lines:
        return sum(1 for _ in lines)
