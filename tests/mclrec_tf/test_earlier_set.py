"""Models, a training and an export of the older set of packages go on in whatever set is here."""

import json
import shutil
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from mclrec_tf.encoders import ENCODERS
from mclrec_tf.models.warm_start import warm_start
from tests.mclrec_tf.earlier_set import write

EXPECTED = np.load(write.FOLDER / "expected.npz", allow_pickle=False)


@pytest.mark.parametrize("file", write.NAMES_TODAY)
def test_a_keras_file_predicts_what_it_did(file: str) -> None:
    model = keras.models.load_model(write.FOLDER / f"{file}.keras")
    assert type(model.encoder) is ENCODERS[write.NAMES_TODAY[file]]
    scores = model.predict(write.histories(), verbose=0)
    np.testing.assert_allclose(scores, EXPECTED[file], rtol=1e-4, atol=1e-5)


def test_the_file_of_a_sasrec_is_of_the_version_that_had_another_one() -> None:
    """Else the tests of its answers would say nothing about files of earlier versions."""
    with zipfile.ZipFile(write.FOLDER / "sasrec.keras") as file:
        encoder = json.loads(file.read("config.json"))["config"]["encoder"]
    assert encoder["class_name"] == "SASRec"
    assert "positions" not in encoder["config"]


@pytest.mark.parametrize("file", write.NAMES_TODAY)
def test_a_warm_start_takes_weights_and_states_of_optimizers_over(file: str) -> None:
    previous = keras.models.load_model(write.FOLDER / f"{file}.keras")
    model = write.make_model(file)
    assert warm_start(model, previous, write.ITEMS, write.ITEMS) == len(write.ITEMS)
    assert int(model.optimizer.iterations) == int(previous.optimizer.iterations) > 0
    np.testing.assert_allclose(
        model.predict(write.histories(), verbose=0),
        EXPECTED[file],
        rtol=1e-4,
        atol=1e-5,
    )


def test_a_training_that_was_cut_short_ends_near_where_it_would_have(tmp_path: Path) -> None:
    shutil.copytree(write.FOLDER / "state", tmp_path / "state")
    model = write.make_model("sasrec")
    model.run_eagerly = True  # six steps are done before a graph is made
    history = write.train(model, tmp_path / "state", write.EPOCHS)
    assert len(history) == write.EPOCHS
    scores = model.predict(write.histories(), verbose=0)[:, 1:]
    # Not quite there, since views are drawn otherwise than then. A training from the beginning has
    # a correlation of .83 with what this one would have had.
    expected = EXPECTED["sasrec"][:, 1:]
    assert np.corrcoef(scores.ravel(), expected.ravel())[0, 1] > 0.95


def test_an_export_answers_as_it_did() -> None:
    answer = write.ask(write.FOLDER / "export", write.names(write.histories()))
    expected = EXPECTED["export_item_ids"].astype(object)
    np.testing.assert_array_equal(answer["item_ids"], expected)
    np.testing.assert_allclose(answer["scores"], EXPECTED["export_scores"], rtol=1e-4, atol=1e-5)
