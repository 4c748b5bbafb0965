"""Starts `python -m serving.devserver` in a process of its own, on free ports of this machine."""

import random
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

MODEL_NAME = "mclrec"
_END_SECONDS = 30


class LocalServer(NamedTuple):
    """Where a server answers, as `host:port`, and its process."""

    grpc: str
    rest: str
    pid: int


def newest_version(model_base_path: Path) -> Path:
    """The folder of the version that a server serves.

    Raises:
        ValueError: There is none.
    """
    versions = [folder for folder in model_base_path.glob("*/") if folder.name.isdecimal()]
    if not versions:
        raise ValueError(f"{model_base_path} holds no folder with a number for a name")
    return max(versions, key=lambda folder: int(folder.name))


def _free_port() -> int:
    """One below those that the system gives to clients, which may be gone when a server is up."""
    while True:
        port = random.randrange(15_000, 30_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@contextmanager
def local_server(model_base_path: Path, flags: Sequence[str] = ()) -> Iterator[LocalServer]:
    """Serves the newest version under a folder until the block ends.

    Args:
        model_base_path: Holds a numbered folder a version.
        flags: More options of `serving.devserver`.

    Raises:
        RuntimeError: The server did not start; its own words are on stderr.
    """
    ports = _free_port(), _free_port()
    command = [sys.executable, "-m", "serving.devserver", *flags]
    command += [f"--port={ports[0]}", f"--rest_api_port={ports[1]}"]
    command += [f"--model_name={MODEL_NAME}", f"--model_base_path={model_base_path.absolute()}"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]
    )
    try:
        assert process.stdout is not None
        if not process.stdout.readline():  # the line that says that it serves
            raise RuntimeError(f"{' '.join(command)} ended with status {process.wait()}")
        grpc, rest = (f"127.0.0.1:{port}" for port in ports)
        yield LocalServer(grpc, rest, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
