"""All that is known about an export without a server: its files, its graph, and a trial of it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from serving.export_check.checksums import damage
from serving.export_check.graph import UnreadableExport, check_graph, read_graph

_TRIAL = Path(__file__).with_name("trial.py")
_SHOWN_ERROR_LINES = 5


class Finding(NamedTuple):
    """What is wrong with an export, and which check found it."""

    check: str
    message: str


def check_export(path: str | os.PathLike[str]) -> list[Finding]:
    """Checks an export; takes as long as starting TensorFlow and loading the model.

    Args:
        path: Folder of the SavedModel, the one with `saved_model.pb`.

    Raises:
        ValueError: The path is empty.

    Returns:
        What is wrong; empty for an export that may be served.

    Example:

    >>> from serving.export_check.check import check_export
    >>> check_export("models/mclrec/1")
    []
    """
    path = os.fspath(path)
    if not path:
        raise ValueError("path is empty; give the folder that holds saved_model.pb")
    try:
        graph = read_graph(path)
    except UnreadableExport as error:
        return [Finding("files", str(error))]
    return [
        *(Finding("checksums", found) for found in damage(path)),
        *(Finding(*found) for found in check_graph(graph, path)),
        *_try_export(path),
    ]


def _try_export(path: str) -> list[Finding]:
    process = subprocess.run(
        [sys.executable, "-I", _TRIAL, path],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    findings = [
        Finding(*json.loads(line)) for line in process.stdout.splitlines() if line.startswith("[")
    ]
    if process.returncode:
        last_words = "\n".join(process.stderr.strip().splitlines()[-_SHOWN_ERROR_LINES:])
        findings.append(
            Finding("process", f"the trial ended with status {process.returncode}: {last_words}")
        )
    return findings
