"""What the commands of this package have in common."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager

EMPTY = "must not be empty; is a variable of the shell unset?"


def not_empty(text: str) -> str:
    """A path or a name, for argparse: "" is what a shell makes of a variable that is not set.

    TensorFlow Serving takes "" for a flag that is not given, and then `--model_config_file=$UNSET`
    would serve another model than the one that is meant.
    """
    if not text.strip():
        raise argparse.ArgumentTypeError(EMPTY)
    return text


@contextmanager
def server_packages() -> Iterator[None]:
    """Ends the process with what to install where a package is missing that the client can spare.

    Raises:
        ModuleNotFoundError: A module of our own is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] == "serving":
            raise
        sys.exit(
            f"{error.name} is not installed: pip install --find-links dist "
            '"mclrec-tf-serving[server]", where dist is the folder with the wheel of '
            "mclrec-tf-serving."
        )
