"""The files that the Dockerfile puts into the image, without Docker."""

import fnmatch
import shutil
from pathlib import Path

CHECKOUT = Path(__file__).parents[4]
DOCKERFILE = CHECKOUT / "pipeline" / "runners" / "kubeflow" / "Dockerfile"
IGNORE_FILE = DOCKERFILE.with_name("Dockerfile.dockerignore")


def copied() -> list[tuple[str, str]]:
    """Source and destination of every COPY from the checkout, in the last stage."""
    last_stage = DOCKERFILE.read_text().rsplit("\nFROM ", 1)[1]
    found = []
    for line in last_stage.splitlines():
        if line.startswith("COPY ") and "--from=" not in line:
            _, source, destination = line.split()
            found.append((source, destination))
    return found


def ignored(path: str) -> bool:
    """Whether the builder is not shown a file or folder at the checkout's top."""
    result = False
    for line in IGNORE_FILE.read_text().splitlines():
        pattern = line.removeprefix("!")
        if line and not line.startswith("#") and fnmatch.fnmatch(path, pattern):
            result = not line.startswith("!")
    return result


def make_root(folder: Path) -> None:
    """Fills a folder as the image's work folder is filled."""
    folder.mkdir(exist_ok=True)
    for source, destination in copied():
        assert not ignored(source), f"{source} is copied, but ignored"
        if (CHECKOUT / source).is_dir():
            shutil.copytree(
                CHECKOUT / source,
                folder / destination,
                ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"),
            )
        else:
            shutil.copy(CHECKOUT / source, folder / destination)
