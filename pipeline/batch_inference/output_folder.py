"""A folder that appears whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tfx.dsl.io import fileio

from pipeline.batch_inference.error import BatchInferenceError


@contextmanager
def whole_folder(path: str | os.PathLike[str]) -> Iterator[str]:
    """Gives a hidden folder to write to, which gets its name when all is written.

    What fails leaves nothing; what a killed run left is removed by the next one.

    Args:
        path: the folder to make; its parent is made if need be.

    Raises:
        BatchInferenceError: it exists already.
    """
    path = os.fspath(path).rstrip("/")
    parent, name = os.path.split(path)
    if fileio.exists(path):
        raise BatchInferenceError(
            f"--output {path}: exists already. Give the name of a new folder, or remove it."
        )
    unfinished = os.path.join(parent, f".{name}.unfinished")
    if fileio.exists(unfinished):
        fileio.rmtree(unfinished)
    fileio.makedirs(unfinished)
    try:
        yield unfinished
    except BaseException:
        # What fails now, on a disk that is gone for example, must not hide why.
        with suppress(Exception):
            fileio.rmtree(unfinished)
        raise
    fileio.rename(unfinished, path)
