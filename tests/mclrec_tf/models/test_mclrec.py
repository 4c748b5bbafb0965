"""The model as a Keras user meets it: compile, fit, evaluate, predict, save, resume."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf import MCLRec, SASRec
from mclrec_tf.data.batches import evaluation_batches, training_batches
from mclrec_tf.data.histories import Splits, leave_one_out
from mclrec_tf.layers import Crop, Mask
from tests.mclrec_tf.ring import HISTORY, ITEMS, TARGETS, assert_same, make_model, ring_walks

PRESETS = ("paper", "reference")
# Where runs are compared bit for bit: in a graph, gradients of three or more parts are added in
# the order in which they are ready.
EAGER = {"run_eagerly": True}


@pytest.fixture(scope="module")
def splits() -> Splits:
    return leave_one_out(ring_walks())


@pytest.fixture(scope="module")
def few() -> Splits:
    """Users who make a single batch: a step without a graph takes as long as hundreds within."""
    return leave_one_out(ring_walks(20))


@pytest.mark.integration
@pytest.mark.parametrize("preset", PRESETS)
def test_learns_what_comes_next(preset: str, splits: Splits) -> None:
    model = make_model(preset)
    history = model.fit(
        training_batches(splits.train, 10, batch_size=64),
        epochs=15,
        verbose=0,
        validation_data=evaluation_batches(*splits.validation),
    ).history
    assert history["val_all_items_hit_rate_at_5"][-1] > 0.9
    assert history["rec_loss"][-1] < 0.5 * history["rec_loss"][0]
    assert set(history) > {"loss", "cl1_loss", "cl2_loss", "regularization", "augmenter_loss"}


def test_standard_callbacks(few: Splits, tmp_path: Path) -> None:
    model = make_model(compile_arguments=EAGER)
    monitor = {"monitor": "val_unseen_items_ndcg_at_10", "mode": "max"}
    model.fit(
        training_batches(few.train, 10, batch_size=128),
        epochs=2,
        verbose=0,
        validation_data=evaluation_batches(*few.validation),
        callbacks=[
            keras.callbacks.EarlyStopping(patience=1, restore_best_weights=True, **monitor),
            keras.callbacks.ModelCheckpoint(str(tmp_path / "best.keras"), **monitor),
            keras.callbacks.CSVLogger(str(tmp_path / "log.csv")),
            keras.callbacks.ReduceLROnPlateau(patience=1, **monitor),
            keras.callbacks.TerminateOnNaN(),
        ],
    )
    assert "val_unseen_items_ndcg_at_10" in (tmp_path / "log.csv").read_text().splitlines()[0]
    assert isinstance(keras.models.load_model(tmp_path / "best.keras"), MCLRec)


@pytest.mark.parametrize("preset", PRESETS)
def test_saved_model_goes_on_exactly(preset: str, few: Splits, tmp_path: Path) -> None:
    batches = training_batches(few.train, 10, batch_size=256).cache()
    model = make_model(preset, compile_arguments=EAGER)
    model.fit(batches, epochs=1, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.get_config().keys() == model.get_config().keys()
    assert loaded.encoder.get_config() == model.encoder.get_config()
    assert_same(model, loaded)
    history = tf.constant([[1, 2, 3, 0]])
    np.testing.assert_array_equal(
        model.predict(history, verbose=0), loaded.predict(history, verbose=0)
    )
    for either in (model, loaded):
        either.fit(batches, epochs=1, verbose=0)
    assert_same(model, loaded)


@pytest.mark.integration
def test_interrupted_training_resumes_exactly(few: Splits, tmp_path: Path) -> None:
    class Interrupt(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
            if epoch == 2:
                raise KeyboardInterrupt

    batches = training_batches(few.train, 10, batch_size=256).cache()
    whole = make_model(compile_arguments=EAGER)
    whole.fit(batches, epochs=3, verbose=0)

    backup = str(tmp_path / "backup")
    with pytest.raises(KeyboardInterrupt):
        make_model(compile_arguments=EAGER).fit(
            batches,
            epochs=3,
            verbose=0,
            callbacks=[keras.callbacks.BackupAndRestore(backup), Interrupt()],
        )
    resumed = make_model(compile_arguments=EAGER)
    resumed.fit(batches, epochs=3, verbose=0, callbacks=[keras.callbacks.BackupAndRestore(backup)])
    assert_same(whole, resumed)


def test_scores_cover_the_catalogue_but_not_the_padding() -> None:
    scores = make_model().predict(tf.constant([[3, 4, 0], [1, 2, 3]]), verbose=0)
    assert scores.shape == (2, ITEMS + 1)
    assert np.all(np.isneginf(scores[:, 0]))
    assert np.all(np.isfinite(scores[:, 1:]))


def test_empty_history_gets_the_popularity_ranking() -> None:
    scores = make_model().predict(tf.constant([[0, 0], [1, 2]]), verbose=0)[0]
    assert np.argsort(-scores).tolist() == [*range(1, ITEMS + 1), 0]


def test_long_history_keeps_its_most_recent_part() -> None:
    model = make_model()
    long = tf.constant([[9, 9, 9, *range(1, 11)], [5, 6, *[0] * 11]])
    scores = model(long)
    np.testing.assert_allclose(scores[0], model(long[:1, 3:])[0], atol=1e-5)
    np.testing.assert_allclose(scores[1], model(long[1:, :2])[0], atol=1e-5)


def test_learned_views_are_two_unit_vectors_a_history() -> None:
    model = make_model("paper")
    history = np.array([[1, 2, 0, 0], [4, 5, 6, 7]], np.int32)
    z1, z2 = (view.numpy() for view in model.learned_views(history))
    for view in (z1, z2):
        np.testing.assert_allclose(np.linalg.norm(view, axis=1), [1, 1], rtol=1e-5)
    assert not np.allclose(z1, z2)


def test_evaluate_counts_the_whole_history_as_seen() -> None:
    model = make_model()
    history = tf.constant([[*range(1, 12), 1, 2, 3]])
    results = model.evaluate(history, tf.constant([12]), verbose=0, return_dict=True)
    assert results["unseen_items_hit_rate_at_5"] == 1.0  # it is the only item not seen
    assert all(isinstance(value, float) for value in results.values())


def test_bad_arguments() -> None:
    encoder = SASRec(ITEMS)
    with pytest.raises(ValueError, match="preset must be one of .*'recommended'"):
        MCLRec(encoder, preset="best")
    with pytest.raises(ValueError, match="beta must not be negative, got -1"):
        MCLRec(encoder, beta=-1)
    with pytest.raises(ValueError, match="temperature must be positive"):
        MCLRec(encoder, temperature=0)
    model = MCLRec(encoder)
    with pytest.raises(ValueError, match="losses and metrics of MCLRec are its own"):
        model.compile(loss="mse")
    adam = keras.optimizers.Adam()
    with pytest.raises(ValueError, match="an instance of its own"):
        model.compile(adam, adam)


def test_training_history_too_long() -> None:
    model = make_model()
    ids = tf.ones((1, 11), tf.int32)
    with pytest.raises(ValueError, match="history must hold at most max_length=10 items .* got 11"):
        model.fit(ids, ids, verbose=0)


def test_operations_are_chosen_and_saved(tmp_path: Path) -> None:
    operations = [Crop(0.3, seed=7), Mask(0.9, token=0, seed=8)]
    model = make_model(operations=operations, compile_arguments=EAGER)
    assert model.stochastic_views.operations == operations
    model.fit(tf.constant(HISTORY, tf.int64), tf.constant(TARGETS, tf.int64), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    found = [(type(o), o.ratio, o.seed) for o in loaded.stochastic_views.operations]
    assert found == [(Crop, 0.3, 7), (Mask, 0.9, 8)]
