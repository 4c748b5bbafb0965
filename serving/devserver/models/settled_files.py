"""The files of a version's folder, once nobody is writing to it."""

import asyncio
import posixpath

import tensorflow as tf

_PAUSE_SECONDS = 0.1

Files = frozenset[tuple[str, int, int]]
"""Relative path, size in bytes and time of change in nanoseconds of each file."""


async def settled_files(path: str) -> Files | None:
    """Compares two listings of a folder that are 0.1 s apart.

    Args:
        path: A folder, wherever TensorFlow can read.

    Returns:
        The files, or None while they change, as those of a version that is being copied do.
    """
    before = await asyncio.to_thread(list_files, path)
    await asyncio.sleep(_PAUSE_SECONDS)
    after = await asyncio.to_thread(list_files, path)
    return after if after == before else None


def list_files(path: str) -> Files:
    """The files of a folder and of the folders in it; blocks.

    Args:
        path: A folder, wherever TensorFlow can read. A folder that does not exist has no files.
    """
    files = set()
    for folder, _, names in tf.io.gfile.walk(path):
        for name in names:
            file = posixpath.join(folder, name)
            try:
                stat = tf.io.gfile.stat(file)
                size, time_of_change = stat.length, stat.mtime_nsec
            except tf.errors.OpError:  # removed since the folder was listed, or a broken link
                size, time_of_change = -1, 0
            files.add((posixpath.relpath(file, path), size, time_of_change))
    return frozenset(files)
