"""A local server of pushed models, which runs in a process of its own for the time of a block.

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
    """The server ended before it was ready."""


class LocalServer(NamedTuple):
    """A running server.

    Attributes:
        grpc: The address of its gRPC API, host:port.
        rest: The address of its REST API, host:port.
        pid: The id of its process.
    """

    grpc: str
    rest: str
    pid: int


def server_command(model_base_path: str | os.PathLike[str], flags: Sequence[str] = ()) -> list[str]:
    """The command that starts a server of the newest version in a folder, on free ports.

    Args:
        model_base_path: The folder that contains one numbered folder for each version.
        flags: Additional options of `serving.devserver`. None by default.
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
        command: What `server_command` returns.
        stderr: As for `subprocess.Popen`. By default the log of the server appears on stderr.

    Raises:
        ServerError: The server did not start.
    """
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=stderr, text=True, cwd=_CHECKOUT
    )
    try:
        assert process.stdout is not None
        if not process.stdout.readline():  # The server prints one line when it is ready.
            raise ServerError(f"The server ended with status {process.wait()}.")
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
    """A free port, below those that the system may assign to a client before the server starts."""
    while True:
        port = random.randrange(15_000, 30_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
