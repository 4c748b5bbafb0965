"""Starts `python -m pipeline.run_local` for tests, and kills it where a test says."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from ml_metadata import metadata_store
from ml_metadata.proto.metadata_store_pb2 import ConnectionConfig, Execution
from tfx.orchestration.metadata import sqlite_metadata_connection_config

from pipeline import run_local
from pipeline.pipeline import PIPELINE_NAME
from pipeline.runners.local.metadata_server import metadata_server
from pipeline.runners.local.run_history import ComponentRun, RunHistory
from pipeline.runners.local.workdir import Workdir

SMALL_MODEL = ("--dim=16", "--num-layers=1", "--learning-rate=0.01", "--epochs=3", "--patience=3")
_TIMEOUT_SECONDS = 600


class LocalRun:
    """Runs of one event log in one folder.

    Args:
        log: the event log.
        workdir: where the runs keep what they write.
        pipeline_name: name of the pipeline.
        metadata: URL of the server of their metadata; None for a file in `workdir`.
    """

    def __init__(
        self,
        log: Path,
        workdir: Path,
        pipeline_name: str = PIPELINE_NAME,
        metadata: str | None = None,
    ):
        self.log = log
        self.workdir = workdir
        self.pipeline_name = pipeline_name
        self.metadata = metadata

    @property
    def models(self) -> Path:
        return self.workdir / "models" / "mclrec"

    def versions(self) -> list[str]:
        """What lies where a server looks for versions."""
        return sorted(folder.name for folder in self.models.iterdir())

    def components(self) -> dict[str, ComponentRun]:
        """The components of the newest run."""
        return RunHistory(self._connection(), self.pipeline_name).latest()

    def executions(self) -> dict[str, list[str]]:
        """The states of all executions, oldest first, by the last part of their type's name."""
        store = metadata_store.MetadataStore(self._connection())
        pipeline = store.get_context_by_type_and_name("pipeline", self.pipeline_name)
        states: dict[str, list[str]] = {}
        for execution in sorted(store.get_executions_by_context(pipeline.id), key=lambda e: e.id):
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

    def run_and_kill(self, text: str, seconds: float, *options: str) -> tuple[int, str]:
        """Kills the run, with every process that it started, so long after it printed a text.

        Args:
            text: part of a line; "" counts the seconds from the start.
            seconds: how long after it.

        Returns:
            The exit status, -SIGKILL unless the run was over before, and what was printed.
        """
        process = subprocess.Popen(
            self._command(*options),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        killing = threading.Timer(seconds, os.killpg, (process.pid, signal.SIGKILL))
        lines = []
        with process:
            assert process.stdout is not None
            if not text:
                killing.start()
            for line in process.stdout:
                lines.append(line)
                if text in line and not killing.ident:
                    killing.start()
            # Not before the process is waited for, or its number could be another's.
            killing.cancel()
        return process.returncode, "".join(lines)

    def _connection(self) -> ConnectionConfig:
        if self.metadata:
            return metadata_server(self.metadata).connection()
        return sqlite_metadata_connection_config(Workdir(self.workdir).metadata_file)

    def _command(self, *options: str) -> list[str]:
        command = [sys.executable, "-m", "pipeline.run_local"]
        command += [f"--data={self.log}", f"--workdir={self.workdir}"]
        command += [f"--pipeline-name={self.pipeline_name}"]
        command += [f"--metadata={self.metadata}"] if self.metadata else []
        return [*command, *options]
