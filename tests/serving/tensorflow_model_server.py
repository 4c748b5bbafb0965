"""TensorFlow Serving's own server, for tests that hold the local one against it."""

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator

import pytest

from pipeline.local_server import free_port
from tests.serving.running_server import Addresses

_START_SECONDS = 300
_SHOWN_CHARACTERS = 4000


@contextlib.contextmanager
def tensorflow_model_server(*flags: str) -> Iterator[Addresses]:
    """Runs the program until the block ends; skips the test where it is not on PATH.

    Args:
        flags: All but the ports, such as `--model_base_path=/models/mclrec`.

    Raises:
        RuntimeError: It did not start; with the end of what it logged.
    """
    program = shutil.which("tensorflow_model_server")
    if program is None:
        pytest.skip("tensorflow_model_server is not on PATH")
    ports = free_port(), free_port()
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [program, f"--port={ports[0]}", f"--rest_api_port={ports[1]}", *flags],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            end = time.monotonic() + _START_SECONDS
            # It opens its ports once the models are loaded.
            while not all(map(_is_open, ports)):
                if process.poll() is not None or time.monotonic() > end:
                    log.seek(0)
                    raise RuntimeError(f"{program}: {log.read()[-_SHOWN_CHARACTERS:]}")
                time.sleep(0.1)
            yield Addresses(*(f"127.0.0.1:{port}" for port in ports))
        finally:
            process.terminate()
            process.wait()


def _is_open(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
