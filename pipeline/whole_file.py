"""A file that appears whole or not at all.

Imports nothing heavy.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Gives the path of a hidden file to write, which gets its name when the block ends.

    What fails leaves nothing, and a file that is there stays as it was.

    Args:
        path: The file, on this machine; its folder is made if need be.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        # What fails now, on a disk that is gone for example, must not hide why.
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
