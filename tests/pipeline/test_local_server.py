"""A server never outlives the command that has started it."""

import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from pipeline.local_server import local_server


@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)]
)
def test_a_signal_while_the_server_is_being_started(
    number: int, error: type[BaseException], tmp_path: Path
) -> None:
    def in_the_child() -> None:
        (tmp_path / "pid").write_text(str(os.getpid()))
        os.kill(os.getppid(), number)

    # As at a terminal; a shell starts what runs in the background without.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        command = [sys.executable, "-c", "import time; time.sleep(60)"]
        with pytest.raises(error), local_server(command, preexec_fn=in_the_child):
            pass
    finally:
        signal.signal(signal.SIGINT, before)
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
