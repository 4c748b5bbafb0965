"""What the commands of this package have in common."""

import argparse

EMPTY = "must not be empty; is a variable of the shell unset?"


def not_empty(text: str) -> str:
    """A path or a name, for argparse: "" is what a shell makes of a variable that is not set.

    TensorFlow Serving takes "" for a flag that is not given, and then `--model_config_file=$UNSET`
    would serve another model than the one that is meant.
    """
    if not text.strip():
        raise argparse.ArgumentTypeError(EMPTY)
    return text
