"""Says whether TF Serving could serve an export, and what it would stumble over.

    python -m serving.export_check DIR

Compares its files with the checksums that were written with them, and looks at its graph: the
signatures are those of signatures.json, every op is in stock_ops.txt,
nothing needs XLA or a file outside the export. Then runs a copy in a process without the code that
trained it: a V1 session loads it, and every signature and every warm-up request gets an answer.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from serving.command_line import not_empty
from serving.tensorflow_log import load_tensorflow_quietly

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

    >>> check_export("models/mclrec/1")
    []
    """
    from serving.export_check.checksums import damage
    from serving.export_check.graph import UnreadableExport, check_graph, read_graph

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


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status of the process."""
    parser = argparse.ArgumentParser(
        prog="python -m serving.export_check",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "export", type=not_empty, metavar="DIR", help="the folder that holds saved_model.pb"
    )
    options = parser.parse_args(arguments)
    load_tensorflow_quietly()
    findings = check_export(options.export)
    if not findings:
        print(f"{options.export}: TF Serving can serve it.")
        return 0
    print(f"{options.export}: TF Serving cannot serve it.")
    for finding in findings:
        print(f"  {finding.check}: {finding.message}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
