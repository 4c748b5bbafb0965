"""A server of pushed models in a process of its own, for as long as somebody asks it.

Imports nothing heavy.
"""

import os
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
_CHECKOUT = Path(__file__).parents[1]


class ServerError(RuntimeError):
    """The server ended before it served."""


class LocalServer(NamedTuple):
    """Where a server answers, as `host:port`, and its process."""

    grpc: str
    rest: str
    pid: int


def server_command(model_base_path: str | os.PathLike[str], flags: Sequence[str] = ()) -> list[str]:
    """The command of a server of the newest version under a folder, on free ports.

    Args:
        model_base_path: Holds a numbered folder a version.
        flags: More options of `serving.devserver`.
    """
    return [
        *(sys.executable, "-m", "serving.devserver", *flags),
        *(f"--port={_free_port()}", f"--rest_api_port={_free_port()}"),
        *(f"--model_name={MODEL_NAME}", f"--model_base_path={Path(model_base_path).absolute()}"),
    ]


@contextmanager
def local_server(command: Sequence[str], stderr: int | None = None) -> Iterator[LocalServer]:
    """Runs a server until the block ends.

    Args:
        command: Of `server_command`.
        stderr: As of `subprocess.Popen`; by default the words of the server are on stderr.

    Raises:
        ServerError: It did not start.
    """
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=stderr, text=True, cwd=_CHECKOUT
    )
    try:
        assert process.stdout is not None
        if not process.stdout.readline():  # the line that says that it serves
            raise ServerError(f"the server ended with status {process.wait()}")
        values = dict(word.split("=", 1) for word in command if "=" in word)
        grpc, rest = (f"127.0.0.1:{values[name]}" for name in ("--port", "--rest_api_port"))
        yield LocalServer(grpc, rest, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    """One below those that the system gives to clients, which may be gone when a server is up."""
    while True:
        port = random.randrange(15_000, 30_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
