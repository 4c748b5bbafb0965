"""The provenance of a result: events, code, packages, machine and time."""

import functools
import hashlib
import json
import os
import platform
import resource
import subprocess
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

from pipeline.whole_file import whole_file

_CHECKOUT = Path(__file__).parents[1]


def provenance() -> dict[str, Any]:
    """The current state of the code and of the machine, to be written with a result."""
    return {
        "version": _git_version(),
        "packages": {name: metadata.version(name) for name in ("keras", "numpy", "tensorflow")},
        "python": platform.python_version(),
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "usable_cores": len(os.sched_getaffinity(0)),
            "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1),
            "system": platform.platform(),
            # Other processes on the machine make every measured time longer.
            "load_average": [round(load, 2) for load in os.getloadavg()],
        },
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


@functools.cache
def log_digest(log: Path) -> str:
    """SHA-256 of a log, of all files of it if it is a folder."""
    files = sorted(file for file in log.rglob("*") if file.is_file()) if log.is_dir() else [log]
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as opened:
            while part := opened.read(2**20):
                digest.update(part)
    return digest.hexdigest()


def peak_memory_gb() -> float:
    """Peak resident memory of this process, in gigabytes (1e9 bytes)."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 3)


def write_json(path: Path, result: Mapping[str, Any] | Sequence[Any]) -> None:
    """Writes a result as JSON; the file appears once it is complete."""
    with whole_file(path) as unfinished:
        unfinished.write_text(json.dumps(result, indent=1) + "\n")


def print_json(result: Mapping[str, Any]) -> None:
    """Prints a result as one line of JSON, for other programs."""
    print(json.dumps(result), flush=True)


def _git_version() -> str:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        found = subprocess.run(command, cwd=_CHECKOUT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
