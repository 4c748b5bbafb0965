"""A server never outlives the command that has started it."""

import os
import random
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pipeline.local_server import free_port, local_server


@pytest.fixture(autouse=True)
def handlers_of_python() -> Iterator[None]:
    """As at a terminal: what a shell starts in the background has others, and tests leave some."""
    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)]
)
def test_a_signal_while_the_server_is_being_started(
    number: int, error: type[BaseException], tmp_path: Path
) -> None:
    def in_the_child() -> None:
        (tmp_path / "pid").write_text(str(os.getpid()))
        os.kill(os.getppid(), number)

    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with pytest.raises(error), local_server(command, preexec_fn=in_the_child):
        pass
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_seed_does_not_decide_the_port() -> None:
    """Keras' set_random_seed seeds Python's random numbers too, alike in every process."""
    found = set()
    for _ in range(3):
        random.seed(0)
        found.add(free_port())
    assert len(found) > 1
