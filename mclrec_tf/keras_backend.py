"""Refuses the backends of Keras that the model cannot run on, before anything fails by them."""

import json
import os
import sys
from pathlib import Path

_NEEDED = "tensorflow"


def refuse_other_backends() -> None:
    """Called before Keras is imported, which raises errors of its own where a backend is missing.

    Raises:
        ImportError: Keras is set to another backend than TensorFlow; says where, and what to do.
            Its `name` is that of this module.
    """
    backend, where = _configured()
    if backend != _NEEDED:
        what = f"set it to {_NEEDED!r} before Keras is imported."
        if "keras" in sys.modules:
            what = (
                f"set KERAS_BACKEND={_NEEDED} in the environment, or the backend in "
                f"{_configuration_file()}, and start a new process."
            )
        raise ImportError(
            f"mclrec_tf needs TensorFlow as the backend of Keras, but {where} says {backend!r}: "
            f"{what}",
            name=__name__,
        )


def _configured() -> tuple[str, str]:
    """The backend that Keras has or will have, and what has chosen it; looked up as Keras does."""
    keras = sys.modules.get("keras")
    if keras is not None:
        return keras.backend.backend(), "Keras, which is imported already,"
    if backend := os.environ.get("KERAS_BACKEND"):
        return backend, "the environment variable KERAS_BACKEND"
    path = _configuration_file()
    try:
        configuration = json.loads(path.read_text())
    except (OSError, ValueError):  # not there, or nothing that Keras can read
        return _NEEDED, "nothing"
    backend = configuration.get("backend") if isinstance(configuration, dict) else None
    return (backend or _NEEDED), f"backend in {path}"


def _configuration_file() -> Path:
    folder = os.environ.get("KERAS_HOME")
    if folder is None:
        home = os.path.expanduser("~")
        folder = os.path.join(home if os.access(home, os.W_OK) else "/tmp", ".keras")
    return Path(folder, "keras.json").expanduser()
