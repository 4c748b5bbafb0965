"""A training that is killed goes on with the epoch it was in, and forgets nothing."""

import contextlib
import math
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from mclrec_tf.training.early_stopping import ResumableEarlyStopping

METRIC = "val_score"


class Killed(BaseException):
    """Stands for the end of the process."""


class Scripted(keras.callbacks.Callback):
    """Gives each epoch its validation score, and kills the training in one of them."""

    def __init__(self, scores: list[float], killed_in: int | None = None):
        super().__init__()
        self.scores, self.killed_in = scores, killed_in
        self.epochs: list[int] = []

    def on_epoch_begin(self, epoch: int, logs=None) -> None:
        self.epochs.append(epoch)
        self.model.layers[-1].bias.assign([float(epoch)])
        if epoch == self.killed_in:
            raise Killed

    def on_epoch_end(self, epoch: int, logs=None) -> None:
        logs[METRIC] = self.scores[epoch]


def fit(directory: Path, scores: list[float], killed_in: int | None = None, patience: int = 2):
    """Trains a line, as far as it gets; returns the model, the epochs trained and the callback."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.0), loss="mse")
    model.optimizer.build(model.trainable_variables)
    stopping = ResumableEarlyStopping(str(directory), METRIC, patience, epochs=len(scores))
    script = Scripted(scores, killed_in)
    done = stopping.restore(model)
    if stopping.is_finished:
        stopping.restore_best()
        return model, script.epochs, stopping
    with contextlib.suppress(Killed):
        model.fit(
            np.ones((4, 1)),
            np.ones((4, 1)),
            initial_epoch=done,
            epochs=len(scores),
            callbacks=[script, stopping],
            verbose=0,
        )
    return model, script.epochs, stopping


def bias(model: keras.Model) -> float:
    return float(model.layers[-1].bias[0])


def test_the_best_epoch_is_restored(tmp_path: Path):
    model, epochs, _ = fit(tmp_path, [0.1, 0.5, 0.2, 0.3, 0.9])
    assert epochs == [0, 1, 2, 3]
    assert bias(model) == 1.0


@pytest.mark.parametrize("killed_in", [0, 1, 2, 3])
def test_a_killed_training_ends_as_if_it_had_not_been(tmp_path: Path, killed_in: int):
    scores = [0.1, 0.5, 0.2, 0.3, 0.9]
    whole, _, uninterrupted = fit(tmp_path / "whole", scores)
    fit(tmp_path / "killed", scores, killed_in)
    resumed, epochs, stopping = fit(tmp_path / "killed", scores)
    assert epochs[0] == killed_in
    assert bias(resumed) == bias(whole)
    assert [row[METRIC] for row in stopping.history] == [
        row[METRIC] for row in uninterrupted.history
    ]


def test_optimizer_state_is_resumed(tmp_path: Path):
    fit(tmp_path, [0.1, 0.2, 0.3], killed_in=2)
    model, _, _ = fit(tmp_path, [0.1, 0.2, 0.3])
    assert int(model.optimizer.iterations) == 3


def test_without_patience_training_ends_with_the_first_epoch_that_is_not_better(tmp_path: Path):
    _, epochs, _ = fit(tmp_path, [0.1, 0.5, 0.2, 0.9], patience=0)
    assert epochs == [0, 1, 2]
    assert fit(tmp_path, [0.1, 0.5, 0.2, 0.9], patience=0)[1] == []


@pytest.mark.parametrize("scores", [[0.1, 0.2], [0.5, 0.1, 0.2, 0.3]])
def test_a_finished_training_is_not_continued(tmp_path: Path, scores: list[float]):
    fit(tmp_path, scores)
    model, epochs, _ = fit(tmp_path, scores)
    assert epochs == []
    assert bias(model) == float(np.argmax(scores))


def test_a_state_that_was_being_written_is_ignored(tmp_path: Path):
    fit(tmp_path, [0.1, 0.2, 0.3], killed_in=2)
    unfinished = tmp_path / "unfinished"
    unfinished.mkdir()
    (unfinished / "history.json").write_text("[{")
    _, epochs, _ = fit(tmp_path, [0.1, 0.2, 0.3])
    assert epochs == [2]


# HDF5 ended the process by a signal where it could not write.
_NO_ROOM_FROM_THE_SECOND_EPOCH = """
import resource, signal, sys
from pathlib import Path
from tests.mclrec_tf.training import test_early_stopping as training

class NoRoom(training.Scripted):
    def on_epoch_begin(self, epoch, logs=None):
        super().on_epoch_begin(epoch, logs)
        if epoch == 1:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

training.Scripted = NoRoom
training.fit(Path(sys.argv[1]), [0.1, 0.2, 0.3])
"""


def test_a_full_disk_is_an_error_that_names_the_file_and_leaves_the_states_before(tmp_path: Path):
    command = [sys.executable, "-c", _NO_ROOM_FROM_THE_SECOND_EPOCH, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 1, ended.stderr
    assert "model.weights.h5" in ended.stderr.splitlines()[-1]
    assert "File too large" in ended.stderr.splitlines()[-1]
    _, epochs, _ = fit(tmp_path, [0.1, 0.2, 0.3])
    assert epochs == [1, 2]


def test_a_state_of_an_earlier_version_is_resumed(tmp_path: Path):
    model, _, _ = fit(tmp_path, [0.1, 0.2, 0.3], killed_in=2)
    for state in tmp_path.glob("[0-9]*"):  # these let HDF5 write to the disk itself
        model.load_weights(state / "model.weights.h5")
        model.save_weights(state / "model.weights.h5")
    _, epochs, _ = fit(tmp_path, [0.1, 0.2, 0.3])
    assert epochs == [2]


def test_discarded_state_is_gone(tmp_path: Path):
    directory = tmp_path / "state"
    _, _, stopping = fit(directory, [0.1])
    stopping.discard()
    assert list(tmp_path.iterdir()) == []


def test_after_its_state_is_discarded_a_training_begins_anew(tmp_path: Path):
    model, _, stopping = fit(tmp_path / "state", [0.1, 0.5])
    stopping.discard()
    assert stopping.restore(model) == 0
    assert stopping.history == [] and not stopping.is_finished
    model.fit(np.ones((4, 1)), np.ones((4, 1)), callbacks=[Scripted([0.3]), stopping], verbose=0)
    assert [row[METRIC] for row in stopping.history] == [0.3]


@pytest.mark.parametrize("name", ["model.weights.h5", "history.json"])
@pytest.mark.parametrize("kept", [0, 20])
def test_a_damaged_state_is_named(tmp_path: Path, name: str, kept: int):
    fit(tmp_path / "state", [0.1, 0.5])
    (file,) = (tmp_path / "state").glob(f"2/{name}")
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(ValueError, match="state: holds the state of a training .* or damaged"):
        fit(tmp_path / "state", [0.1, 0.5, 0.7])


def test_a_loss_that_is_no_number_stops_and_is_not_kept(tmp_path: Path):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", loss="mse")
    stopping = ResumableEarlyStopping(str(tmp_path), METRIC, patience=1, epochs=3)
    with pytest.raises(FloatingPointError, match="epoch 1; try a lower learning rate"):
        model.fit(np.ones((1, 1)), np.array([[math.nan]]), callbacks=[stopping], verbose=0)
    assert stopping.restore(model) == 0


def test_an_unknown_metric_is_named(tmp_path: Path):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", loss="mse")
    stopping = ResumableEarlyStopping(str(tmp_path), "val_absent", patience=1, epochs=3)
    with pytest.raises(ValueError, match="val_absent is not measured; measured are loss"):
        model.fit(np.ones((1, 1)), np.ones((1, 1)), callbacks=[stopping], verbose=0)


class Recorder(keras.callbacks.Callback):
    """Notes the weights after every step and in every validation; scores and kills epochs."""

    def __init__(self, scores: list[float], killed_in: int | None):
        super().__init__()
        self.scores, self.killed_in = scores, killed_in
        self.steps: list[float] = []
        self.validated: list[float] = []

    def on_epoch_begin(self, epoch: int, logs=None) -> None:
        if epoch == self.killed_in:
            raise Killed

    def on_train_batch_end(self, batch: int, logs=None) -> None:
        self.steps.append(bias(self.model))

    def on_test_batch_end(self, batch: int, logs=None) -> None:
        self.validated.append(bias(self.model))

    def on_epoch_end(self, epoch: int, logs=None) -> None:
        logs[METRIC] = self.scores[epoch]


def fit_averaging(directory: Path, killed_in: int | None = None, use_ema: bool = True):
    """Four epochs of two steps, the second of them the best."""
    scores = [0.1, 0.5, 0.2, 0.3]
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    optimizer = keras.optimizers.SGD(0.1, use_ema=use_ema, ema_momentum=0.5)
    model.compile(optimizer, loss="mse", run_eagerly=True)
    model.optimizer.build(model.trainable_variables)
    stopping = ResumableEarlyStopping(str(directory), METRIC, patience=9, epochs=len(scores))
    recorder = Recorder(scores, killed_in)
    data = np.ones((2, 1)), np.full((2, 1), 5.0)
    with contextlib.suppress(Killed):
        model.fit(
            *data,
            batch_size=1,
            validation_data=data,
            validation_batch_size=2,
            initial_epoch=stopping.restore(model),
            epochs=len(scores),
            callbacks=[recorder, stopping],
            verbose=0,
        )
    return model, recorder


def test_averaged_weights_are_validated_and_kept_and_the_others_trained(tmp_path: Path):
    model, recorder = fit_averaging(tmp_path / "averaging")
    averages = [recorder.steps[0]]
    for value in recorder.steps[1:]:
        averages.append(0.5 * averages[-1] + 0.5 * value)
    np.testing.assert_allclose(recorder.validated, averages[1::2], rtol=1e-5)
    assert bias(model) == pytest.approx(averages[3], rel=1e-5)
    _, plain = fit_averaging(tmp_path / "plain", use_ema=False)
    np.testing.assert_allclose(recorder.steps, plain.steps, rtol=1e-6)


@pytest.mark.parametrize("killed_in", [1, 2, 3])
def test_a_killed_training_goes_on_with_its_averages(tmp_path: Path, killed_in: int):
    whole, uninterrupted = fit_averaging(tmp_path / "whole")
    _, before = fit_averaging(tmp_path / "killed", killed_in)
    resumed, after = fit_averaging(tmp_path / "killed")
    assert before.steps + after.steps == uninterrupted.steps
    assert before.validated + after.validated == uninterrupted.validated
    assert bias(resumed) == bias(whole)
