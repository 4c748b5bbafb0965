"""A folder that appears whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import tensorflow as tf
from tfx.dsl.io import fileio

from pipeline.jobs.batch_inference.error import BatchInferenceError


@contextmanager
def whole_folder(path: str | os.PathLike[str]) -> Iterator[str]:
    """Gives a hidden folder to write to, which gets its name when all is written.

    What fails leaves nothing; what a killed run left is removed by the next one.

    Args:
        path: the folder to make; its parent is made if need be.

    Raises:
        BatchInferenceError: it exists already, or cannot be made.
    """
    path = os.fspath(path).rstrip("/")
    parent, name = os.path.split(path)
    if not name:
        raise BatchInferenceError("--output: is empty. Give the name of a new folder.")
    if fileio.exists(path):
        raise BatchInferenceError(
            f"--output {path}: exists already. Give the name of a new folder, or remove it."
        )
    unfinished = os.path.join(parent, f".{name}.unfinished")
    with _told(path):
        if fileio.exists(unfinished):
            fileio.rmtree(unfinished)
        fileio.makedirs(unfinished)
    try:
        yield unfinished
        with _told(path):
            fileio.rename(unfinished, path)
    except BaseException:
        # What fails now, on a disk that is gone for example, must not hide why.
        with suppress(Exception):
            fileio.rmtree(unfinished)
        raise


@contextmanager
def _told(path: str) -> Iterator[None]:
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        reason = error.message if isinstance(error, tf.errors.OpError) else error
        raise BatchInferenceError(
            f"--output {path}: cannot be written: {reason}. Give a folder that can."
        ) from error
