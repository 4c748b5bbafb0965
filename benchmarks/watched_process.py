"""Runs a command and watches the memory of it and its descendants."""

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
    """The end of a watched command.

    Attributes:
        status: Exit status; negative if a signal ended the command.
        above_limit: Whether it was killed because it held more memory than the limit.
        output: Its standard output.
        process_seconds: Wall seconds from start to end, including the loading of its code.
        peak_memory_gb: Peak resident memory of all its processes together in gigabytes (1e9
            bytes), sampled ten times a second; memory that they share counts for each. It is at
            least the peak of the largest process, which the kernel records between samples.
    """

    status: int
    above_limit: bool
    output: str
    process_seconds: float
    peak_memory_gb: float


def watch(command: Sequence[str], log: Path, limit_gb: float, folder: Path) -> Watched:
    """Runs a command to its end, or until its processes hold more memory than the limit.

    Args:
        command: Program and arguments.
        log: File for its standard error.
        limit_gb: Most resident memory of the command and its descendants together, in gigabytes.
        folder: Working directory.
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
        finally:  # no process is left if this is interrupted
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
    """Resident bytes of a process and its descendants, or the peak of the largest if higher."""
    together = largest = 0
    for process in _family(parent):
        try:
            together += process.memory_info().rss
            # Not ru_maxrss, which begins with the memory of the process that started this one.
            status = Path(f"/proc/{process.pid}/status").read_text()
        except (psutil.NoSuchProcess, OSError):
            continue
        if peak := _PEAK.search(status):  # absent while a process ends
            largest = max(largest, int(peak[1]) * 1024)
    return max(together, largest)


def _end(parent: psutil.Process) -> None:
    for process in _family(parent):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
