"""Tells when a folder that may still be copied has come to rest."""

import asyncio
import posixpath
import re
import time

import tensorflow as tf

LOOK_SECONDS = 0.1  # between two looks at a folder that may be changing
COPY_SECONDS = 1.0  # without a change, until a copy is taken to have ended

Files = frozenset[tuple[str, int, int]]

_GRAPH = re.compile(r"saved_model\.pb(txt)?")
_INDEX = "variables/variables.index"


class FolderWatch:
    """Looks at the folder of a version again and again, by names, sizes and times of its files.

    A folder that appears whole, as by a rename, is at rest when two looks `LOOK_SECONDS` apart saw
    the same. One that grows before our eyes, or that lacks files that a SavedModel has, is being
    copied: it is at rest after `COPY_SECONDS` without a change.

    Args:
        path: Of the folder, wherever TensorFlow can read.
    """

    def __init__(self, path: str):
        self.path = path
        self.files: Files = frozenset()
        self.at_rest = False
        self._looked = False
        self._is_copied = False
        self._since = 0.0

    def look(self) -> bool:
        """Looks once, which blocks; returns whether the folder is at rest."""
        files = _files(self.path)
        if not self._looked or files != self.files:
            self._is_copied = self._looked or not _is_whole(files)
            self._looked, self.files, self._since = True, files, time.monotonic()
        self.at_rest = self._seconds_left() <= 0
        return self.at_rest

    async def settle(self) -> bool:
        """Looks once, and once more after a moment at what has just appeared whole.

        Returns:
            Whether the folder is at rest.
        """
        at_rest = await asyncio.to_thread(self.look)
        if not at_rest and not self._is_copied:
            await asyncio.sleep(self._seconds_left())
            at_rest = await asyncio.to_thread(self.look)
        return at_rest

    def _seconds_left(self) -> float:
        patience = COPY_SECONDS if self._is_copied else LOOK_SECONDS
        return self._since + patience - time.monotonic()


def _is_whole(files: Files) -> bool:
    names = {name for name, _, _ in files}
    return _INDEX in names and any(_GRAPH.fullmatch(name) for name in names)


def _files(path: str) -> Files:
    files = set()
    for folder, _, names in tf.io.gfile.walk(path):
        for name in names:
            file = posixpath.join(folder, name)
            try:
                stat = tf.io.gfile.stat(file)
                size, time_of_change = stat.length, stat.mtime_nsec
            except tf.errors.OpError:  # it has just gone, or is a link to nothing
                size, time_of_change = -1, 0
            files.add((posixpath.relpath(file, path), size, time_of_change))
    return frozenset(files)
