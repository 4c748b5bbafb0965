"""A search tries settings, keeps the best, and goes on where it was killed, within a trial too."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf.data.histories import HeldOut, Histories
from pipeline.components.trainer import fit as training
from pipeline.components.trainer.fit import TrainingData
from pipeline.components.tuner import search
from pipeline.components.tuner.search import Search
from pipeline.settings import ModelSettings, TrainingSettings

pytestmark = pytest.mark.integration  # whole trainings

# The encoder alone trains in a third of the time, and only it tells learning rates apart.
_MODEL = ModelSettings(dim=8, num_layers=1, dropout=0.0, beta=0.0)
_TRAINING = TrainingSettings(epochs=2, patience=2, batch_size=64)
_SPACE = {"learning_rate": [1e-9, 0.03], "dropout": [0.0, 0.1]}
_ITEMS = 9


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture(scope="module", autouse=True)
def eager() -> Iterator[None]:
    """Without graphs, which take longer to make than tiny models to train."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def data() -> TrainingData:
    """Users who walk round a ring of items."""
    starts = np.arange(16) % _ITEMS
    walks = [[(start + step) % _ITEMS + 1 for step in range(6)] for start in starts]
    return TrainingData(
        Histories.from_lists([walk[:5] for walk in walks]),
        HeldOut(
            Histories.from_lists([walk[:5] for walk in walks]),
            np.array([walk[5] for walk in walks], np.int32),
        ),
    )


def _search(folder: Path, space: dict[str, Any] = _SPACE, trials: int = 4) -> Search:
    return Search(_MODEL, _TRAINING, space, trials, _ITEMS, str(folder / "search"))


def _trials(tuner: Search) -> list[dict[str, Any]]:
    return [
        {**trial.hyperparameters.values, "score": trial.score, "status": trial.status}
        for trial in sorted(tuner.oracle.trials.values(), key=lambda trial: trial.trial_id)
    ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, data: TrainingData) -> Search:
    """A search that nothing interrupted."""
    tuner = _search(tmp_path_factory.mktemp("whole"))
    tuner.search(data=data)
    return tuner


def test_the_best_settings_are_found_and_no_two_trials_are_alike(whole: Search) -> None:
    trials = _trials(whole)
    assert len({(trial["learning_rate"], trial["dropout"]) for trial in trials}) == len(trials) == 4
    best = max(trials, key=lambda trial: trial["score"])
    assert best["learning_rate"] == 0.03  # the other one learns nothing
    [found] = whole.get_best_hyperparameters()
    assert found.values == {name: best[name] for name in _SPACE}


def test_a_killed_search_ends_as_if_it_had_not_been_killed(
    whole: Search, tmp_path: Path, data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    epochs = []

    class KilledInTheSecondTrial(training.TrainingProgress):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            epochs.append(epoch)
            if len(epochs) == 4:
                raise Killed
            super().on_epoch_begin(epoch, logs)

    monkeypatch.setattr(training, "TrainingProgress", KilledInTheSecondTrial)
    with pytest.raises(Killed):
        _search(tmp_path).search(data=data)
    again = _search(tmp_path)
    again.search(data=data)
    assert _trials(again) == _trials(whole)
    assert epochs == [0, 1, 0, 1, 1, 0, 1, 0, 1]
    assert not list(tmp_path.rglob("*.h5"))  # no states of trials are left


def test_a_trial_that_diverges_does_not_end_the_search(
    tmp_path: Path, data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(
        model: Any, data: Any, training: TrainingSettings, state: str, item_start: str | None
    ) -> Any:
        assert model.counts is None  # which would join the scores after the trial
        if training.learning_rate == 0.03:
            raise FloatingPointError("the loss became nan")
        return fit_it(model, data, training, state, item_start)

    fit_it = search.fit
    monkeypatch.setattr(search, "fit", fit)
    tuner = _search(tmp_path)
    tuner.search(data=data)
    assert {trial["status"] for trial in _trials(tuner)} == {"COMPLETED", "FAILED"}
    assert tuner.get_best_hyperparameters()[0].values["learning_rate"] == 1e-9


def test_settings_of_any_kind_can_be_searched(tmp_path: Path, data: TrainingData) -> None:
    space = {"encoder": ["sasrec", "gru4rec"], "batch_size": [32, 64], "similar_items": [True]}
    tuner = _search(tmp_path, space, trials=2)
    tuner.search(data=data)
    assert all(trial["status"] == "COMPLETED" for trial in _trials(tuner))
