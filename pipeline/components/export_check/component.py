"""Loads the exported model as TensorFlow Serving does, before it may be pushed."""

import os
import subprocess
import sys

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio
from tfx.types.standard_artifacts import InfraBlessing, Model
from tfx.utils import path_utils

FINDINGS_FILE = "findings.txt"
_CHECK = "serving.export_check"
_SERVABLE, _NOT_SERVABLE = 0, 1
_TIMEOUT_SECONDS = 1800


def check(saved_model: str | os.PathLike[str]) -> tuple[bool, str]:
    """Runs `python -m serving.export_check` on a SavedModel.

    The check is a process of its own, because this process has loaded the training code, which a
    server does not have.

    Args:
        saved_model: The folder of the SavedModel.

    Returns:
        Whether the model can be served, and what the check printed.

    Raises:
        RuntimeError: The check itself failed.
        subprocess.TimeoutExpired: The check took longer than half an hour.
    """
    process = subprocess.run(
        [sys.executable, "-m", _CHECK, saved_model],
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_SECONDS,
    )
    if process.returncode not in (_SERVABLE, _NOT_SERVABLE) or not process.stdout:
        raise RuntimeError(
            f"{os.fspath(saved_model)}: {_CHECK} ended with status {process.returncode}, so it is "
            f"unknown whether the model can be served. {process.stderr.strip()}"
        )
    return process.returncode == _SERVABLE, process.stdout.strip()


@component
def ExportCheck(model: InputArtifact[Model], blessing: OutputArtifact[InfraBlessing]) -> None:
    """Blesses a model whose every signature answers in a process without the training code.

    It writes its findings to `findings.txt` in the folder of the blessing. As with TFX's
    InfraValidator, a refused model does not stop the pipeline, but it is not blessed.
    """
    saved_model = path_utils.serving_model_path(model.uri)
    blessed, findings = check(saved_model)
    blessing.set_int_custom_property("blessed", int(blessed))
    with fileio.open(os.path.join(blessing.uri, FINDINGS_FILE), "w") as file:
        file.write(findings)


def findings_of_refusal(blessing_uri: str, blessed: int) -> str:
    """Why `ExportCheck` refused a model. "" if it did not.

    Args:
        blessing_uri: The folder of its output.
        blessed: The custom property `blessed` of its output, 1 or 0.
    """
    if blessed:
        return ""
    with fileio.open(os.path.join(blessing_uri, FINDINGS_FILE)) as file:
        return file.read()
