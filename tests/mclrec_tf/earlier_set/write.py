"""Writes models, an export and the state of a training with the packages at hand.

    python -m tests.mclrec_tf.earlier_set.write

Run it with the older set only: the test is that newer packages read what it wrote. What is there
is of a version in which today's PostNormSASRec was named SASRec. Written anew, sasrec.keras would
no longer show that such files load, and a test says so.
"""

import json
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from mclrec_tf import MCLRec
from mclrec_tf.encoders import ENCODERS
from mclrec_tf.export.saved_model import export_savedmodel
from mclrec_tf.export.signature_inputs import HISTORY_LENGTH
from mclrec_tf.training.early_stopping import ResumableEarlyStopping

FOLDER = Path(__file__).parent / "written"
ITEMS = [f"item-{n}" for n in range(20)]
# The encoder in each file, by its name today.
NAMES_TODAY = {"sasrec": "post_norm_sasrec", "bsarec": "bsarec", "gru4rec": "gru4rec"}
EPOCHS, EPOCHS_BEFORE = 4, 2
MONITOR = "val_all_items_ndcg_at_10"


def histories(users: int = 24) -> np.ndarray:
    """Ids of some histories, right-padded, the same wherever they are made."""
    ids = (np.arange(users)[:, None] * 7 + np.arange(7) * 3) % len(ITEMS) + 1
    lengths = 3 + np.arange(users) % 5
    return np.where(np.arange(7) < lengths[:, None], ids, 0).astype(np.int32)


def names(ids: np.ndarray) -> np.ndarray:
    """The histories as an export takes them."""
    table = np.array(["", *ITEMS], object)
    return np.pad(table[ids], [(0, 0), (0, HISTORY_LENGTH - ids.shape[1])], constant_values="")


def ask(export: Path, history: np.ndarray) -> dict[str, np.ndarray]:
    """What the default signature of a SavedModel answers."""
    serve = tf.saved_model.load(str(export)).signatures["serving_default"]
    return {name: value.numpy() for name, value in serve(history=tf.constant(history)).items()}


def make_model(file: str) -> MCLRec:
    """The small compiled model of a file, its averages of weights with it."""
    encoder = NAMES_TODAY[file]
    heads = {} if encoder == "gru4rec" else {"num_heads": 2, "positions": "from_start"}
    shape = {"num_items": len(ITEMS), "num_layers": 1, "dim": 8, "max_length": 10, **heads}
    keras.utils.set_random_seed(0)
    model = MCLRec(ENCODERS[encoder](**shape, dropout=0.0), "paper", beta=0.1, seed=1)
    model.compile(
        keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.5), keras.optimizers.Adam(0.02)
    )
    return model


def train(model: MCLRec, state: Path, epochs: int) -> list[dict[str, float]]:
    """Goes on from the state, if there is one, for as many epochs in all; returns their logs."""
    stopping = ResumableEarlyStopping(state, MONITOR, patience=EPOCHS, epochs=EPOCHS)
    done = stopping.restore(model)
    ids = histories()
    model.fit(
        ids[:, :-1],
        ids[:, 1:],
        batch_size=8,
        shuffle=False,
        initial_epoch=done,
        epochs=epochs,
        validation_data=(ids[:, :2], ids[:, 2]),
        callbacks=[stopping],
        verbose=0,
    )
    return stopping.history


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    expected: dict[str, np.ndarray] = {}
    for file in NAMES_TODAY:
        model = make_model(file)
        with tempfile.TemporaryDirectory() as folder:
            train(model, Path(folder) / "state", EPOCHS)
        model.save(FOLDER / f"{file}.keras")
        expected[file] = model.predict(histories(), verbose=0)
        if file == "sasrec":
            export_savedmodel(model, FOLDER / "export", ITEMS, k=5)
    train(make_model("sasrec"), FOLDER / "state", EPOCHS_BEFORE)
    for name, value in ask(FOLDER / "export", names(histories())).items():
        expected[f"export_{name}"] = value.astype("S") if value.dtype == object else value
    np.savez_compressed(FOLDER / "expected.npz", **expected)
    versions = {name: metadata.version(name) for name in ("tensorflow", "keras", "numpy")}
    (FOLDER / "versions.json").write_text(json.dumps(versions | {"python": sys.version.split()[0]}))


if __name__ == "__main__":
    main()
