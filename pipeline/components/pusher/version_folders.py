"""The versions of a model under its base path, as a server finds them."""

import os

import tensorflow as tf


def version_folders(base_path: str | os.PathLike[str]) -> list[str]:
    """The names of the folders that are numbers, oldest first.

    Args:
        base_path: The folder of all versions. If it does not exist, there are none.
    """
    if not tf.io.gfile.isdir(base_path):
        return []
    # Some file systems end the names of folders with a slash.
    names = (name.rstrip("/") for name in tf.io.gfile.listdir(base_path))
    return sorted((name for name in names if name.isdecimal()), key=int)
