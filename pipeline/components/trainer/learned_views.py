"""The learned views of a sample of users, which the page about a run shows."""

import io
import os
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from mclrec_tf.data.batches import evaluation_batches
from mclrec_tf.data.histories import Histories
from mclrec_tf.models.mclrec import MCLRec

VIEWS_FILE = "learned_views.npz"
USERS = 200


class LearnedViews(NamedTuple):
    """The views z̃1 and z̃2 of the same users, each float32 `[users, d]`."""

    z1: np.ndarray
    z2: np.ndarray


def write_learned_views(folder: str, model: MCLRec, histories: Histories) -> None:
    """Writes the views of up to `USERS` users, evenly spread over those with a history.

    Args:
        folder: The folder that gets `VIEWS_FILE`.
        model: The trained model.
        histories: The histories of all users to choose from.
    """
    known = np.flatnonzero(histories.lengths)
    sample = known[np.linspace(0, len(known) - 1, min(USERS, len(known))).astype(int)]
    chosen = Histories.from_lists([histories[user].tolist() for user in sample])
    views = [
        model.learned_views(history)
        for history, _ in evaluation_batches(chosen, np.zeros(len(sample), np.int32))
    ]
    buffer = io.BytesIO()
    z1, z2 = (np.concatenate(parts) for parts in zip(*views, strict=True))
    np.savez(buffer, z1=z1, z2=z2)
    with tf.io.gfile.GFile(os.path.join(folder, VIEWS_FILE), "wb") as file:
        file.write(buffer.getvalue())


def read_learned_views(folder: str) -> LearnedViews | None:
    """Reads what `write_learned_views` has written. None for a model without learned views."""
    path = os.path.join(folder, VIEWS_FILE)
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path, "rb") as file:
        arrays = np.load(io.BytesIO(file.read()), allow_pickle=False)
    return LearnedViews(arrays["z1"], arrays["z2"])
