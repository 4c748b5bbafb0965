"""Keeps what TensorFlow and Google's packages say of themselves out of the output of a command."""

import logging
import os
import warnings


def silence_tensorflow() -> None:
    """Call it before TensorFlow is imported; `TF_CPP_MIN_LOG_LEVEL` can still be set from outside.

    What it hides are remarks on CPU features, missing GPUs, costs of ops, the age of Python, and
    the V1 loader, which is deprecated in Python but is the one that TF Serving has.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings("ignore", category=FutureWarning, module="google")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
