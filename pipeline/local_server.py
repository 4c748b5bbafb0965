"""A server of pushed models in a process of its own, for as long as it is needed.

Imports nothing heavy.
"""

import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

MODEL_NAME = "mclrec"
_END_SECONDS = 30
_CHECKOUT = Path(__file__).parents[1]


class ServerError(RuntimeError):
    """The server ended before it was ready."""


class LocalServer(NamedTuple):
    """A server that serves.

    Args:
        grpc: The address of gRPC, `host:port`.
        rest: The address of REST, `host:port`.
        process: The process of the server.
    """

    grpc: str
    rest: str
    process: subprocess.Popen[str]


def server_command(model_base_path: str | os.PathLike[str], flags: Sequence[str] = ()) -> list[str]:
    """The command that starts a server of the newest version in a folder, on free ports.

    Args:
        model_base_path: The folder that holds a numbered folder for each version.
        flags: More options of `serving.devserver`.
    """
    return [
        *(sys.executable, "-m", "serving.devserver", *flags),
        *(f"--port={free_port()}", f"--rest_api_port={free_port()}"),
        *(f"--model_name={MODEL_NAME}", f"--model_base_path={Path(model_base_path).absolute()}"),
    ]


@contextmanager
def local_server(command: Sequence[str], **options: Any) -> Iterator[LocalServer]:
    """Runs a server until the block ends.

    SIGTERM ends the block too, by SystemExit: by default it would end this process alone, and the
    server would go on.

    Args:
        command: A command as of `server_command`, with both ports.
        options: Options of `subprocess.Popen`. By default the server runs in the checkout, and its
            log is written to stderr.

    Raises:
        ServerError: The server did not start.
    """
    with _exit_on_sigterm():
        process = subprocess.Popen(
            command, **{"cwd": _CHECKOUT, **options}, stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            if not process.stdout.readline():  # The server prints one line when it is ready.
                raise ServerError(f"The server ended with status {process.wait()}.")
            values = dict(word.split("=", 1) for word in command if "=" in word)
            grpc, rest = (f"127.0.0.1:{values[name]}" for name in ("--port", "--rest_api_port"))
            yield LocalServer(grpc, rest, process)
        finally:
            process.terminate()
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def _exit_on_sigterm() -> Iterator[None]:
    is_main = threading.current_thread() is threading.main_thread()
    # Python sets handlers in the main thread only, and one that somebody has set is left alone.
    if not is_main or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def free_port() -> int:
    """A port that nobody listens on.

    It is below those that the system gives to clients, which may be taken when a server starts.
    """
    while True:
        port = random.randrange(15_000, 30_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
