"""Where an export may be written."""

import tensorflow as tf


def check_new(path: str) -> None:
    """Refuses what holds something; an empty folder may be there, made by who runs a training.

    Args:
        path: The folder to write.

    Raises:
        FileExistsError: `path` is a file, or a folder that is not empty.
    """
    if not tf.io.gfile.exists(path):
        return
    if not tf.io.gfile.isdir(path):
        raise FileExistsError(f"{path}: is a file. Give the name of a new folder, or remove it.")
    if tf.io.gfile.listdir(path):
        raise FileExistsError(
            f"{path}: exists already. Give the name of a new folder, for example of the next "
            "version, or remove it."
        )
