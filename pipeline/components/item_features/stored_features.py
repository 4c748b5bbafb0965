"""Features of items in a file of any file system that TensorFlow opens."""

import os
import tempfile

import tensorflow as tf

from mclrec_tf.data.item_features import ItemFeatures

_NAME = "item_features.npz"


def write_features(path: str, features: ItemFeatures) -> None:
    """Writes features to a file."""
    with tempfile.TemporaryDirectory() as folder:
        features.save(os.path.join(folder, _NAME))
        tf.io.gfile.copy(os.path.join(folder, _NAME), path, overwrite=True)


def read_features(path: str) -> ItemFeatures | None:
    """Reads what `write_features` has written. None if there is no such file."""
    if not tf.io.gfile.exists(path):
        return None
    with tempfile.TemporaryDirectory() as folder:
        here = os.path.join(folder, _NAME)
        tf.io.gfile.copy(path, here)
        return ItemFeatures.load(here)
