"""A file system of a megabyte, to be filled and to be made read-only."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, kilobytes: int = 1024, options: str = "") -> Iterator[Path]:
    """Mounts one on an empty folder; skips the test where that is not allowed."""
    folder.mkdir()
    how = f"size={kilobytes}k{options}"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", how, "none", str(folder)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        # What still has a file open there holds it no longer than that.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Takes all the room that is left; the file to remove for more."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue
    return ballast
