"""What a stream holds that its file did not take. Imports nothing heavy."""

import os
from contextlib import suppress
from typing import TextIO


def drop_unwritten(stream: TextIO | None) -> None:
    """Writes what a stream still holds, and drops what its file, on a full disk, does not take.

    Otherwise Python writes it later: to the screen, where the descriptor is the screen's again, or
    at the end of the process, which then ends with a complaint and a status of its own.

    Args:
        stream: A stream of a file descriptor; None, as Python has it where that is closed.
    """
    if stream is None:
        return
    try:
        stream.flush()
        return
    except OSError:
        descriptor = stream.fileno()
    file = os.dup(descriptor)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), descriptor)
        with suppress(OSError):
            stream.flush()
    finally:
        os.dup2(file, descriptor)
        os.close(file)
