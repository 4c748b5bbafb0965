"""A folder, also on remote storage, that appears whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tfx.dsl.io import fileio


@contextmanager
def whole_folder(path: str, unfinished: str = "") -> Iterator[str]:
    """Gives a hidden folder to write to, which gets its name when the block ends.

    What fails leaves nothing; what a killed process left is removed by the next one.

    Args:
        path: The folder to make, which is not there; its parent is made if need be.
        unfinished: The name of the hidden folder beside it, made of its name by default.
    """
    parent, name = os.path.split(path)
    hidden = os.path.join(parent, unfinished or f".{name}.unfinished")
    if fileio.exists(hidden):
        fileio.rmtree(hidden)
    fileio.makedirs(hidden)
    try:
        yield hidden
        fileio.rename(hidden, path)
    except (Exception, KeyboardInterrupt):
        # What fails now, on a disk that is gone for example, must not hide why.
        with suppress(Exception):
            fileio.rmtree(hidden)
        raise
