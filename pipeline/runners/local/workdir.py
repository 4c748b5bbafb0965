"""The work folder of local runs: metadata, artifacts, logs, reports, and one run at a time."""

import fcntl
import logging
import os
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from absl import logging as absl_logging

from pipeline.cli.os_errors import sentence
from pipeline.cli.unwritten import drop_unwritten
from pipeline.whole_file import whole_file


class RunError(Exception):
    """A run has to end early. The message is for the person who started it."""


@dataclass(frozen=True)
class Workdir:
    """The work folder of local runs.

    Args:
        path: The folder. The attribute is absolute and without symbolic links, because artifacts
            are found by their paths later.
    """

    path: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(os.path.realpath(self.path)))

    @property
    def metadata_file(self) -> str:
        return str(self.path / "metadata.sqlite")

    @property
    def pipeline_root(self) -> str:
        return str(self.path / "artifacts")

    @property
    def _id_file(self) -> Path:
        return self.path / "id-in-shared-metadata"

    def id(self) -> str:
        """The id of the folder in a shared store of metadata, wherever the folder is mounted."""
        if not self._id_file.exists():
            with whole_file(self._id_file) as unfinished:
                unfinished.write_text(str(uuid.uuid4()))
        return self._id_file.read_text()

    def has_artifacts(self) -> bool:
        return os.path.isdir(self.pipeline_root)

    def has_own_metadata(self) -> bool:
        """Whether the metadata of its runs are in a file in this folder."""
        return os.path.exists(self.metadata_file)

    def has_shared_metadata(self) -> bool:
        """Whether the metadata of its runs are in a shared store."""
        return self._id_file.exists() and self.has_artifacts() and not self.has_own_metadata()

    def new_page(self) -> Path:
        """The file for the page about a run that starts now."""
        return self.path / "reports" / time.strftime("%Y%m%d-%H%M%S.html")

    @contextmanager
    def only_run(self) -> Iterator[None]:
        """Creates the folder and locks it for one run. The lock ends with the process.

        Raises:
            RunError: Another process holds the lock, or the folder cannot be created or written.
        """
        with self._writing():
            self.path.mkdir(parents=True, exist_ok=True)
            lock = open(self.path / "lock", "w")  # noqa: SIM115 (closed below)
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RunError(
                    f"--workdir {self.path}: another run uses it. Wait until that run ends, or set "
                    "another --workdir."
                ) from None
            yield

    @contextmanager
    def log(self) -> Iterator[Path]:
        """Redirects everything that is logged, also by native code, from the screen to a file.

        Raises:
            RunError: The file cannot be written at first. If the disk becomes full later, lines are
                lost, and nothing else.
        """
        with self._writing():
            folder = self.path / "logs"
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / time.strftime("%Y%m%d-%H%M%S.log")
            handler = logging.FileHandler(path)
            file = open(path, "ab", buffering=0)  # noqa: SIM115 (closed below)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        root, verbosity = logging.getLogger(), absl_logging.get_verbosity()
        with ExitStack() as afterwards:
            screen = os.dup(2)
            afterwards.callback(os.close, screen)
            afterwards.callback(os.dup2, screen, 2)
            with file:
                os.dup2(file.fileno(), 2)
            afterwards.callback(drop_unwritten, sys.stderr)
            afterwards.callback(_close, handler)
            root.addHandler(handler)
            afterwards.callback(root.removeHandler, handler)
            absl_logging.set_verbosity(absl_logging.INFO)
            afterwards.callback(absl_logging.set_verbosity, verbosity)
            yield path

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RunError(f"--workdir {self.path}: {sentence(error, self.path)}") from error


def _close(handler: logging.Handler) -> None:
    """Closes a log. On a full disk that fails, which must not hide why the run ends."""
    with suppress(OSError):
        handler.close()
