"""A folder, also on remote storage, that appears whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tfx.dsl.io import fileio


@contextmanager
def whole_folder(path: str, unfinished: str = "") -> Iterator[str]:
    """Yields a hidden folder to write to, which gets its name when the block ends.

    If the block fails, no folder is left. What a killed process has left, the next one removes.

    Args:
        path: The folder to create, which must not exist. Its parent is created if necessary.
        unfinished: The name of the hidden folder beside it. By default it is derived from `path`.

    Raises:
        OSError, tf.errors.OpError: The folder cannot be written.
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
        # A second failure, for example of a disk that is gone, must not hide the first one.
        with suppress(Exception):
            fileio.rmtree(hidden)
        raise
