"""A file that appears whole or not at all.

Imports nothing heavy.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yields the path of a hidden file to write, which gets its name when the block ends.

    If the block fails, no file is left, and an existing file stays as it was.

    Args:
        path: The file, on this machine. Its folder is created if it does not exist.

    Raises:
        OSError: The file cannot be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        # A second failure, for example of a disk that is gone, must not hide the first one.
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
