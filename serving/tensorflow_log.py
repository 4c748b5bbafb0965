"""Keeps what TensorFlow and Google's packages say of themselves out of the output of a command."""

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator


def load_tensorflow_quietly() -> None:
    """Imports TensorFlow; `TF_CPP_MIN_LOG_LEVEL` can still be set from outside.

    What stays out are remarks on CPU features, missing GPUs, costs of ops, the age of Python, and
    the V1 loader, which is deprecated in Python but is the one that TF Serving has. TensorFlow 2.21
    writes some of them while it is loaded, whatever it is told, so for that time nothing is written
    to standard error; an import that fails raises as ever.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings("ignore", category=FutureWarning, module="google")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with _no_standard_error():
        import tensorflow  # noqa: F401


@contextlib.contextmanager
def _no_standard_error() -> Iterator[None]:
    """Of the whole process, C++ included; Python's own buffer is written first."""
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        standard_error = os.dup(2)
    except OSError:  # closed
        yield
        return
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(standard_error, 2)
        os.close(standard_error)
