"""The folder of a model's versions, which pushes and `pipeline.item_sets` write to."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from absl import logging
from tfx.dsl.io import fileio

UNFINISHED = ".pushing-"
"""How names of unfinished versions begin, so that a server takes none of them for a version."""


@contextmanager
def alone_in(base_directory: str) -> Iterator[None]:
    """Keeps other commands of this machine from writing versions until the block ends.

    Each waits for the one before. What killed ones have left is removed. On remote storage, which
    has no locks, nobody waits and nothing is removed.

    Args:
        base_directory: The folder of all versions. It is created if it does not exist.

    Raises:
        OSError: The folder cannot be written.
    """
    fileio.makedirs(base_directory)
    if "://" in base_directory:
        yield
        return
    descriptor = os.open(base_directory, os.O_RDONLY)  # the folder itself can be locked
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        for name in fileio.listdir(base_directory):
            if name.startswith(UNFINISHED):
                logging.info("Removing %s, left by a killed push", name)
                fileio.rmtree(os.path.join(base_directory, name.rstrip("/")))
        yield
    finally:
        os.close(descriptor)
