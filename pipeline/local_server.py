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
from collections.abc import Callable, Iterator, Sequence
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
    with _ended_by_signals() as from_now_on:
        process = subprocess.Popen(
            command, **{"cwd": _CHECKOUT, **options}, stdout=subprocess.PIPE, text=True
        )
        try:
            from_now_on()
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
            if process.stdout is not None:
                process.stdout.close()


# What Python does by itself; a handler that somebody has set is left alone.
_BY_ITSELF: dict[int, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}


@contextmanager
def _ended_by_signals() -> Iterator[Callable[[], None]]:
    """Makes SIGTERM a SystemExit and SIGINT a KeyboardInterrupt, from the call of what it gives on.

    One that comes before that call, while the server is being started, is raised by the call:
    sooner, nobody would know of the server.
    """
    is_main = threading.current_thread() is threading.main_thread()  # the one with handlers
    ours = [n for n, default in _BY_ITSELF.items() if is_main and signal.getsignal(n) == default]
    came: list[int] = []
    is_ready = False

    def end() -> None:
        if is_ready and came:
            raise KeyboardInterrupt if came[0] == signal.SIGINT else SystemExit(128 + came[0])

    def handle(number: int, _: object) -> None:
        came.append(number)
        end()

    def from_now_on() -> None:
        nonlocal is_ready
        is_ready = True
        end()

    for number in ours:
        signal.signal(number, handle)
    try:
        yield from_now_on
    finally:
        for number in ours:
            signal.signal(number, _BY_ITSELF[number])


def free_port() -> int:
    """A port that nobody listens on.

    It is below those that the system gives to clients, which may be taken when a server starts.
    A seed that somebody has set does not decide it: two processes would try the same ports.
    """
    while True:
        port = random.SystemRandom().randrange(15_000, 30_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
