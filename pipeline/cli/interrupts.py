"""Ctrl-C during a command: it is never lost, and ends with a sentence. Imports nothing heavy."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED = 130
STOPPED = "\nStopped. The same command goes on from here."
# By then Python has left what could not raise the error.
_SECONDS = 0.1


@contextmanager
def no_interrupt_lost() -> Iterator[None]:
    """Within the block, Ctrl-C is given again where Python could not raise it.

    Python only reports an error in `__del__` or in the callback of a weak reference, and goes on.
    """
    report = sys.unraisablehook
    again: list[threading.Timer] = []

    def hook(unraisable: "sys.UnraisableHookArgs") -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            report(unraisable)
            return
        again.append(threading.Timer(_SECONDS, os.kill, [os.getpid(), signal.SIGINT]))
        again[-1].daemon = True
        again[-1].start()

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = report
        for timer in again:
            timer.cancel()
