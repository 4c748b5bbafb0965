"""`python -m serving.devserver` in a process of its own."""

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from tests.serving.running_server import Addresses, free_port

ROOT = Path(__file__).resolve().parents[2]
_SECONDS = 300


class ServerProcess:
    """A server that has been started.

    Args:
        process: That it is.
        addresses: Where it listens.
        log: What it writes to standard error.
    """

    def __init__(self, process: subprocess.Popen[str], addresses: Addresses, log: IO[str]):
        self.process = process
        self.addresses = addresses
        self._log = log

    def log(self) -> str:
        """What it has logged so far."""
        self._log.seek(0)
        return self._log.read()

    def wait_until_ready(self) -> str:
        """Waits until the models answer; returns the line that says so."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line.startswith("Serving "), f"it ended with {self.process.wait()}: {self.log()}"
        return line


@contextlib.contextmanager
def server_process(
    *flags: str, ports: tuple[int, int] | None = None, cwd: Path = ROOT
) -> Iterator[ServerProcess]:
    """Starts a server, and kills it at the end of the block if it still runs.

    Args:
        flags: All but the ports.
        ports: For gRPC and REST; free ones by default.
        cwd: Folder that it is started in.
    """
    ports = ports or (free_port(), free_port())
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "serving.devserver"]
            + [f"--port={ports[0]}", f"--rest_api_port={ports[1]}", *flags],
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            yield ServerProcess(process, Addresses(*(f"127.0.0.1:{p}" for p in ports)), log)
        finally:
            process.kill()
            process.communicate()


def wait_until(condition: Callable[[], bool], what: str) -> float:
    """Waits, long enough for a slow machine; returns how many seconds it took."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < _SECONDS, f"not within {_SECONDS} s: {what}"
        time.sleep(0.02)
    return time.monotonic() - begun
