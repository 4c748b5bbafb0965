"""Writes the weights of a model to a file, so that a full disk is an error and no crash."""

import io
import os

import keras
import tensorflow as tf


class _InMemory(io.BytesIO):
    """A file in memory whose name Keras takes for one of weights."""

    def __str__(self) -> str:
        return "memory.weights.h5"


def save_weights(model: keras.Model, path: str | os.PathLike[str]) -> None:
    """As `model.save_weights`, for a file that need not be on this machine.

    HDF5 ends the process by a segmentation fault where it cannot write. So it writes to memory
    here, which takes as much more as the file is long, and only whole bytes go to the disk.

    Args:
        model: Its weights and the states of its optimizers are written.
        path: The file, which `model.load_weights` reads if it ends in `.weights.h5`.

    Raises:
        tf.errors.OpError: The file cannot be written; the message has the reason.

    Example:
        ```python
        from mclrec_tf import NextItemModel, SASRec
        from mclrec_tf.training.weights_file import save_weights

        model = NextItemModel(SASRec(num_items=100))
        save_weights(model, "model.weights.h5")
        model.load_weights("model.weights.h5")
        ```
    """
    file = _InMemory()
    model.save_weights(file)
    with tf.io.gfile.GFile(os.fspath(path), "wb") as written:
        written.write(file.getvalue())
