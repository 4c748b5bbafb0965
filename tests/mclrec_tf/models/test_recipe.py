"""A whole training takes every step of its preset once, also when it is killed in between."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from mclrec_tf import BSARec, ItemCounts, NextItemModel
from mclrec_tf.data.histories import HeldOut, Histories, leave_one_out
from mclrec_tf.models import recipe
from mclrec_tf.models.building import encoder_optimizer
from mclrec_tf.models.presets import PRESETS
from mclrec_tf.models.recipe import train_model
from mclrec_tf.training.early_stopping import ResumableEarlyStopping

# What a step computes does not matter here, and graphs take seconds to make.
pytestmark = pytest.mark.usefixtures("eager")

LISTS = [[(user + step) % 9 + 1 for step in range(4 + user % 5)] for user in range(24)]
TRAIN, VALIDATION, _ = leave_one_out(Histories.from_lists(LISTS))


class Killed(BaseException):
    """Stands for the end of the process."""


class KilledIn(keras.callbacks.Callback):
    """Kills the training at the beginning of an epoch, and knows which epochs began."""

    def __init__(self, epoch: int | None = None) -> None:
        super().__init__()
        self.epoch = epoch
        self.begun: list[int] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.begun.append(epoch)
        if epoch == self.epoch:
            raise Killed


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Has an entry for each start from co-occurrence."""
    seen: list[int] = []

    def start(encoder: Any, histories: Histories, seed: int) -> None:
        seen.append(seed)
        start_it(encoder, histories, seed)

    start_it = recipe.start_from_co_occurrence
    monkeypatch.setattr(recipe, "start_from_co_occurrence", start)
    return seen


def new_model(preset: str = "recommended", counts: bool = True) -> NextItemModel:
    keras.utils.set_random_seed(0)
    counted = ItemCounts.from_histories(TRAIN, 9) if counts else None
    model = NextItemModel(BSARec(9, dim=8, num_layers=1, dropout=0.0), preset, counts=counted)
    model.compile(encoder_optimizer(0.01, preset=preset))
    return model


def trained(
    folder: Path, killed_in: int | None = None, epochs: int | None = 2, **given: Any
) -> tuple[NextItemModel, ResumableEarlyStopping, list[int]]:
    model, stopping = new_model(), ResumableEarlyStopping(folder, patience=3, epochs=epochs)
    killing = KilledIn(killed_in)
    train_model(model, TRAIN, VALIDATION, stopping, callbacks=[killing], **given)
    return model, stopping, killing.begun


@pytest.mark.parametrize("killed_in", [0, 1])
def test_a_training_that_was_killed_ends_as_one_that_was_not_and_is_not_repeated(
    tmp_path: Path, starts: list[int], killed_in: int
) -> None:
    whole, uninterrupted, _ = trained(tmp_path / "whole", seed=5)
    assert starts == [5]
    with pytest.raises(Killed):
        trained(tmp_path / "killed", killed_in, seed=5)
    for expected in ([0, 1][killed_in:], []):
        again, resumed, begun = trained(tmp_path / "killed", seed=5)
        assert begun == expected
        assert resumed.history == uninterrupted.history
        for weight, same in zip(again.get_weights(), whole.get_weights(), strict=True):
            np.testing.assert_array_equal(weight, same)
        assert float(again.optimizer.learning_rate.numpy()) == pytest.approx(0.01)
    # It starts from co-occurrence once more only where nothing was trained yet.
    assert len(starts) == (3 if killed_in == 0 else 2)


@pytest.mark.parametrize("preset", list(PRESETS))
def test_what_is_left_out_is_the_presets(tmp_path: Path, starts: list[int], preset: str) -> None:
    stopping = ResumableEarlyStopping(tmp_path, patience=0)
    train_model(new_model(preset), TRAIN, VALIDATION, stopping)
    own = PRESETS[preset]
    assert stopping.epochs == own.epochs(batches=1)
    assert len(starts) == (own.item_start == "co_occurrence")
    assert stopping.history[0]["learning_rate"] == pytest.approx(0.01)  # of its first step


def test_what_is_given_is_not_the_presets(tmp_path: Path, starts: list[int]) -> None:
    given = {"item_start": "random", "learning_rate_decay": "none", "warmup_steps": 10}
    _, stopping, _ = trained(tmp_path, **given)
    rates = [row["learning_rate"] for row in stopping.history]
    assert rates == pytest.approx([0.001, 0.002])
    assert starts == []


def test_without_held_out_items_the_last_epoch_counts(tmp_path: Path) -> None:
    model = new_model()
    assert model.counts is not None
    model.counts.feature_weights.assign(np.ones(6, np.float32))
    stopping = ResumableEarlyStopping(tmp_path / "state", monitor=None, epochs=3)
    with pytest.raises(Killed):
        train_model(model, TRAIN, None, stopping, callbacks=[KilledIn(2)])
    again = new_model()
    assert again.counts is not None
    again.counts.feature_weights.assign(np.ones(6, np.float32))
    began = KilledIn()
    assert train_model(again, TRAIN, None, stopping, callbacks=[began]) is None
    assert began.begun == [2] and len(stopping.history) == 3
    np.testing.assert_array_equal(again.counts.feature_weights, np.ones(6))
    whole = new_model()
    assert whole.counts is not None
    whole.counts.feature_weights.assign(np.ones(6, np.float32))
    at_once = ResumableEarlyStopping(tmp_path / "other", monitor=None, epochs=3)
    train_model(whole, TRAIN, None, at_once)
    for mine, theirs in zip(again.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_held_out_items_without_a_metric_are_refused(tmp_path: Path) -> None:
    stopping = ResumableEarlyStopping(tmp_path / "state", monitor=None, epochs=1)
    with pytest.raises(ValueError, match="validation: stopping has no monitor"):
        train_model(new_model(), TRAIN, VALIDATION, stopping)


def test_the_weights_of_the_counts_are_learned_last(tmp_path: Path) -> None:
    model = new_model()
    stopping = ResumableEarlyStopping(tmp_path, epochs=1)
    found = train_model(model, TRAIN, VALIDATION, stopping)
    assert found is not None and model.counts is not None
    assert list(found.weights.values()) == pytest.approx(model.counts.feature_weights.numpy())
    assert found.log_likelihood > found.before
    without = new_model(counts=False)
    stopping = ResumableEarlyStopping(tmp_path / "without", epochs=1)
    assert train_model(without, TRAIN, VALIDATION, stopping) is None


def test_weights_of_the_counts_from_before_do_not_reach_the_metric(tmp_path: Path) -> None:
    histories: list[Any] = []
    for given in (0.0, 5.0):
        model = new_model()
        assert model.counts is not None
        model.counts.feature_weights.assign([given] * 6)
        stopping = ResumableEarlyStopping(tmp_path / str(given), epochs=1)
        train_model(model, TRAIN, VALIDATION, stopping)
        histories.append(stopping.history)
    assert histories[0] == histories[1]


def test_an_optimizer_with_a_schedule_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    model = new_model()
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.01, 10)))
    with pytest.raises(ValueError, match="must be a number, not a schedule"):
        train_model(model, TRAIN, VALIDATION, ResumableEarlyStopping(tmp_path / "state"))
    assert not (tmp_path / "state").exists()


def test_an_unknown_start_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"item_start must be one of \('random', 'co_occurrence'"):
        trained(tmp_path / "state", item_start="svd")
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"model": BSARec(9)}, "model must be a NextItemTraining"),
        ({"model": NextItemModel(BSARec(9))}, "model must be compiled"),
        ({"histories": LISTS}, "histories must be a Histories"),
        ({"stopping": None}, "stopping must be a ResumableEarlyStopping"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"validation": None}, "histories and their targets, got None. To train without"),
        (
            {"validation": HeldOut(TRAIN, np.zeros(len(TRAIN), np.int32))},
            "validation: no user has both a history and a target",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_done(
    given: dict[str, Any], message: str, tmp_path: Path
) -> None:
    arguments = {
        "model": new_model(),
        "histories": TRAIN,
        "validation": VALIDATION,
        "stopping": ResumableEarlyStopping(tmp_path / "state", epochs=1),
        **given,
    }
    with pytest.raises(ValueError, match=message):
        train_model(**arguments)
    assert not (tmp_path / "state").exists()


def test_a_state_of_another_model_is_named(tmp_path: Path) -> None:
    trained(tmp_path / "state", epochs=2)
    for other in (
        NextItemModel(BSARec(9, dim=8), "recommended"),
        NextItemModel(BSARec(9, dim=4), "recommended"),
    ):
        other.compile(encoder_optimizer(0.01))
        stopping = ResumableEarlyStopping(tmp_path / "state", epochs=3)
        with pytest.raises(
            ValueError, match="state: holds the state .* of another one, or damaged"
        ):
            train_model(other, TRAIN, VALIDATION, stopping)
    assert train_model(
        new_model(), TRAIN, VALIDATION, ResumableEarlyStopping(tmp_path / "state", epochs=2)
    )
