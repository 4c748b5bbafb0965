"""Starts `python -m pipeline.run_local` for tests, and kills it where a test says."""

import signal
import subprocess
import sys
from pathlib import Path

from ml_metadata import metadata_store
from ml_metadata.proto.metadata_store_pb2 import Execution
from tfx.orchestration.metadata import sqlite_metadata_connection_config

from pipeline import run_local
from pipeline.run_history import ComponentRun, RunHistory
from pipeline.workdir import Workdir

SMALL_MODEL = ("--dim=16", "--num-layers=1", "--learning-rate=0.01", "--epochs=3", "--patience=3")
_TIMEOUT_SECONDS = 600


class LocalRun:
    """Runs of one event log in one folder.

    Args:
        log: the event log.
        workdir: where the runs keep what they write.
    """

    def __init__(self, log: Path, workdir: Path):
        self.log = log
        self.workdir = workdir

    @property
    def models(self) -> Path:
        return self.workdir / "models" / "mclrec"

    def versions(self) -> list[str]:
        """What lies where a server looks for versions."""
        return sorted(folder.name for folder in self.models.iterdir())

    def components(self) -> dict[str, ComponentRun]:
        """The components of the newest run."""
        metadata = sqlite_metadata_connection_config(Workdir(self.workdir).metadata_file)
        return RunHistory(metadata).latest()

    def executions(self) -> dict[str, list[str]]:
        """The states of all executions, oldest first, by the last part of their type's name."""
        metadata = sqlite_metadata_connection_config(Workdir(self.workdir).metadata_file)
        store = metadata_store.MetadataStore(metadata)
        states: dict[str, list[str]] = {}
        for execution in sorted(store.get_executions(), key=lambda e: e.id):
            state = Execution.State.Name(execution.last_known_state)
            states.setdefault(execution.type.rsplit(".", 1)[-1], []).append(state)
        return states

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Runs to the end."""
        return subprocess.run(
            self._command(*options),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
        )

    def run_here(self, *options: str) -> int:
        """Runs to the end in this process, which saves loading TensorFlow; the exit status."""
        return run_local.main(self._command(*options)[3:])

    def run_until(self, text: str, *options: str) -> list[str]:
        """Kills the run as soon as it prints a line with this text; returns its lines."""
        lines = []
        process = subprocess.Popen(
            self._command(*options), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        with process:
            assert process.stdout is not None
            for line in process.stdout:
                lines.append(line)
                if text in line:
                    process.send_signal(signal.SIGKILL)
                    return lines
        raise AssertionError(f"{text!r} was never printed:\n{''.join(lines)}")

    def _command(self, *options: str) -> list[str]:
        command = [sys.executable, "-m", "pipeline.run_local"]
        return [*command, f"--data={self.log}", f"--workdir={self.workdir}", *options]
