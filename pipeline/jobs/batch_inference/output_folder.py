"""The folder that batch inference writes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf
from tfx.dsl.io import fileio

from pipeline.jobs.batch_inference.error import BatchInferenceError
from pipeline.whole_folder import whole_folder


@contextmanager
def output_folder(path: str | os.PathLike[str]) -> Iterator[str]:
    """Yields a hidden folder to write to, which gets its name when the block ends.

    Args:
        path: The folder to create. Its parent is created if it does not exist.

    Raises:
        BatchInferenceError: The folder exists already, or cannot be written.
    """
    path = os.fspath(path).rstrip("/")
    if not path:
        raise BatchInferenceError("--output: is empty. Give the name of a new folder.")
    if fileio.exists(path):
        raise BatchInferenceError(
            f"--output {path}: exists already. Give the name of a new folder, or remove it."
        )
    try:
        with whole_folder(path) as folder:
            yield folder
    except (OSError, tf.errors.OpError) as error:
        reason = error.message if isinstance(error, tf.errors.OpError) else error
        raise BatchInferenceError(
            f"--output {path}: cannot be written: {reason}. Give a folder that can be written."
        ) from error
