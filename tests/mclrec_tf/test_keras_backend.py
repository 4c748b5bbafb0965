"""Keras with another backend than TensorFlow is refused in a sentence, however it is chosen."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration


def importing(
    environment: dict[str, str], code: str = "import mclrec_tf"
) -> subprocess.CompletedProcess[str]:
    """Runs code in a process that knows nothing of this one's Keras."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("KERAS_")}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**inherited, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        capture_output=True,
        text=True,
    )


def keras_home(folder: Path, backend: str) -> str:
    (folder / "keras.json").write_text(json.dumps({"backend": backend}))
    return str(folder)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_backend_of_the_environment_is_refused(backend: str, tmp_path: Path) -> None:
    # Where both say something, Keras listens to the variable.
    home = keras_home(tmp_path, "tensorflow")
    ended = importing({"KERAS_BACKEND": backend, "KERAS_HOME": home})
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == (
        "ImportError: mclrec_tf needs TensorFlow as the backend of Keras, but the environment "
        f"variable KERAS_BACKEND says '{backend}': set it to 'tensorflow' before Keras is imported."
    )


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_backend_of_the_configuration_file_is_refused(backend: str, tmp_path: Path) -> None:
    ended = importing({"KERAS_HOME": keras_home(tmp_path, backend)})
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == (
        f"ImportError: mclrec_tf needs TensorFlow as the backend of Keras, but backend in "
        f"{tmp_path / 'keras.json'} says '{backend}': set it to 'tensorflow' before Keras is "
        "imported."
    )


def test_a_file_in_the_home_folder_counts(tmp_path: Path) -> None:
    (tmp_path / ".keras").mkdir()
    keras_home(tmp_path / ".keras", "jax")
    ended = importing({"HOME": str(tmp_path)})
    assert ended.returncode == 1
    assert f"{tmp_path / '.keras' / 'keras.json'} says 'jax'" in ended.stderr.splitlines()[-1]


def test_a_keras_that_is_there_already_is_asked_itself(tmp_path: Path) -> None:
    # A stand-in, since no other backend is installed.
    code = """
import sys
from types import SimpleNamespace
sys.modules["keras"] = SimpleNamespace(backend=SimpleNamespace(backend=lambda: "jax"))
import mclrec_tf
"""
    ended = importing({"KERAS_BACKEND": "tensorflow", "KERAS_HOME": str(tmp_path)}, code)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == (
        "ImportError: mclrec_tf needs TensorFlow as the backend of Keras, but Keras, which is "
        "imported already, says 'jax': set KERAS_BACKEND=tensorflow in the environment, or the "
        f"backend in {tmp_path / 'keras.json'}, and start a new process."
    )


@pytest.mark.parametrize("content", ['{"backend": "tensorflow"}', "{}", "no JSON", None])
def test_tensorflow_is_taken(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "keras.json").write_text(content)
    code = "from mclrec_tf.keras_backend import refuse_other_backends as check; check()"
    ended = importing({"KERAS_HOME": str(tmp_path)}, code)
    assert ended.returncode == 0, ended.stderr


def test_the_variable_overrides_the_file(tmp_path: Path) -> None:
    home = keras_home(tmp_path, "jax")
    ended = importing({"KERAS_BACKEND": "tensorflow", "KERAS_HOME": home})
    assert ended.returncode == 0, ended.stderr
