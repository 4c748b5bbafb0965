"""What a training was made with, for whoever repeats or goes on with it."""

import json
import os
from dataclasses import asdict, dataclass

import tensorflow as tf

from pipeline.settings import ModelSettings, TrainingSettings, from_json

_FILE = "outcome.json"


@dataclass(frozen=True)
class Outcome:
    """A finished training.

    Attributes:
        model: The settings of the model, with what a Tuner has found.
        training: The settings of the training, with what a Tuner has found.
        best_epoch: The epoch whose weights the model has, from 1.
    """

    model: ModelSettings
    training: TrainingSettings
    best_epoch: int


def write_outcome(folder: str, outcome: Outcome) -> None:
    """Writes it to the folder of the training's logs."""
    with tf.io.gfile.GFile(os.path.join(folder, _FILE), "w") as file:
        json.dump(asdict(outcome), file, indent=1)


def read_outcome(folder: str) -> Outcome:
    """Reads what `write_outcome` has written.

    Raises:
        FileNotFoundError: There is no such file.
    """
    path = os.path.join(folder, _FILE)
    if not tf.io.gfile.exists(path):
        raise FileNotFoundError(
            f"{path}: is missing, so it is unknown what the model was trained with; an earlier "
            "version has trained it. Run with --fresh to train anew."
        )
    with tf.io.gfile.GFile(path) as file:
        return from_json(Outcome, file.read())
