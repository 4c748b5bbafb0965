"""Runs a command and watches the memory that it and its children take."""

import re
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_SECONDS_BETWEEN_LOOKS = 0.1
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)


@dataclass(frozen=True)
class Watched:
    """What became of a command.

    Attributes:
        status: exit status; negative if a signal ended it.
        above_limit: it was ended because it took more memory than allowed.
        output: what it printed.
        process_seconds: from start to end, with loading its code.
        peak_memory_gb: resident memory of all its processes together, looked at ten times a
            second; memory that they share counts for each. Never less than the largest of them
            held between two looks, which the kernel knows.
    """

    status: int
    above_limit: bool
    output: str
    process_seconds: float
    peak_memory_gb: float


def watch(command: Sequence[str], log: Path, limit_gb: float, folder: Path) -> Watched:
    """Runs a command to its end, or until its processes hold more memory than they may.

    Args:
        command: program and arguments.
        log: gets what it writes to stderr.
        limit_gb: most resident memory of the command and its descendants together.
        folder: where it runs.
    """
    began = time.monotonic()
    peak, above = 0, False
    with log.open("wb") as errors, (log.with_suffix(".out")).open("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=errors, cwd=folder)
        family = psutil.Process(process.pid)
        try:
            while process.poll() is None:
                peak = max(peak, _resident(family))
                if peak > limit_gb * 1e9 and not above:
                    above = True
                    _end(family)
                time.sleep(_SECONDS_BETWEEN_LOOKS)
        finally:  # nothing runs on if this is interrupted
            _end(family)
            process.wait()
        output.seek(0)
        text = output.read()
    return Watched(
        status=process.returncode,
        above_limit=above,
        output=text,
        process_seconds=round(time.monotonic() - began, 2),
        peak_memory_gb=round(peak / 1e9, 3),
    )


def _family(parent: psutil.Process) -> list[psutil.Process]:
    try:
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _resident(parent: psutil.Process) -> int:
    """Bytes that a process and its descendants hold, or that one of them has held."""
    together = largest = 0
    for process in _family(parent):
        try:
            together += process.memory_info().rss
            # Not ru_maxrss: that begins with what the process held which started it.
            status = Path(f"/proc/{process.pid}/status").read_text()
        except (psutil.NoSuchProcess, OSError):
            continue
        if peak := _PEAK.search(status):  # not of one that is about to end
            largest = max(largest, int(peak[1]) * 1024)
    return max(together, largest)


def _end(parent: psutil.Process) -> None:
    for process in _family(parent):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
