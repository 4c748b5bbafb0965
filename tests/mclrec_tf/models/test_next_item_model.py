"""The encoder alone learns as MCLRec without contrast does, and recommends without an export."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf import MCLRec, NextItemModel
from mclrec_tf.encoders import ENCODERS
from mclrec_tf.evaluation.ranks import seen_items
from mclrec_tf.export.saved_model import export_savedmodel
from mclrec_tf.models.warm_start import warm_start
from tests.mclrec_tf.ring import HISTORY, ITEMS, TARGETS, values

NAMES = [f"item-{i}" for i in range(1, ITEMS + 1)]


def make_encoder(name: str = "sasrec") -> keras.layers.Layer:
    keras.utils.set_random_seed(5)
    return ENCODERS[name](ITEMS, dim=8, max_length=10, num_layers=1, dropout=0.3)


def make_model(name: str = "sasrec", preset: str = "paper") -> NextItemModel:
    model = NextItemModel(make_encoder(name), preset=preset)
    model.compile(keras.optimizers.Adam(0.01), run_eagerly=True)
    return model


@pytest.fixture(scope="module")
def trained() -> NextItemModel:
    model = make_model()
    model.fit(HISTORY, TARGETS, epochs=2, verbose=0)
    return model


@pytest.mark.parametrize(
    ("encoder", "preset"),
    [("sasrec", "paper"), ("sasrec", "reference"), ("bsarec", "paper"), ("gru4rec", "paper")],
)
def test_it_learns_what_mclrec_without_contrast_learns(encoder: str, preset: str) -> None:
    alone = make_model(encoder, preset)
    full = MCLRec(make_encoder(encoder), preset=preset, lambda_=0, beta=0, seed=1)
    full.compile(keras.optimizers.Adam(0.01), keras.optimizers.Adam(0.01), run_eagerly=True)
    logs = [m.fit(HISTORY, TARGETS, epochs=2, verbose=0).history for m in (alone, full)]
    assert logs[0] == logs[1] and set(logs[0]) == {"loss", "rec_loss"}
    for mine, theirs in zip(values(alone.weights), values(full.encoder.weights), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_nothing_but_the_encoder_is_trained_or_saved(
    trained: NextItemModel, tmp_path: Path
) -> None:
    assert [w.path for w in trained.weights] == [w.path for w in trained.encoder.weights]
    assert not hasattr(trained, "augmenter_optimizer")
    trained.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is NextItemModel and loaded.preset == trained.preset
    assert loaded.encoder.get_config() == trained.encoder.get_config()
    for model in (loaded, trained):
        model.fit(HISTORY, TARGETS, verbose=0)  # with the same state of dropout and optimizer
    for mine, theirs in zip(values(loaded.weights), values(trained.weights), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.integration
def test_its_graph_trains_too() -> None:
    model = make_model()
    model.compile(keras.optimizers.Adam(0.01))
    losses = model.fit(HISTORY, TARGETS, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_weight_penalties_join_the_loss() -> None:
    model = make_model()
    model.encoder.item_embedding.table.regularizer = keras.regularizers.L2(0.1)
    logs = model.fit(HISTORY, TARGETS, verbose=0).history
    assert logs["loss"][0] > logs["rec_loss"][0]


def test_a_preset_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="^preset must be one of"):
        NextItemModel(make_encoder(), preset="authors")


# Recommendations


@pytest.mark.parametrize("keep_seen", [False, True])
def test_recommendations_are_the_highest_scores(trained: NextItemModel, keep_seen: bool) -> None:
    scores = trained.predict(HISTORY, verbose=0)
    if not keep_seen:
        scores = np.where(seen_items(tf.constant(HISTORY), ITEMS), -np.inf, scores)
    expected = np.argsort(-scores, kind="stable")[:, :5]
    found = trained.recommend(HISTORY, k=5, keep_seen=keep_seen, batch_size=3)
    np.testing.assert_array_equal(found.item_ids, expected)
    np.testing.assert_allclose(found.scores, np.take_along_axis(scores, expected, 1), rtol=1e-5)


def test_places_without_an_item_are_marked(trained: NextItemModel) -> None:
    found = trained.recommend([list(range(1, ITEMS - 1)), [3]], k=1000)
    assert found.item_ids.shape == (2, ITEMS)
    assert sorted(found.item_ids[0][:2]) == [ITEMS - 1, ITEMS]
    assert not found.item_ids[0][2:].any() and np.isneginf(found.scores[0][2:]).all()
    assert np.count_nonzero(found.item_ids[1]) == ITEMS - 1


def test_forms_of_histories(trained: NextItemModel) -> None:
    expected = trained.recommend(HISTORY, k=3).item_ids
    lists = [[item for item in row if item] for row in HISTORY]
    for histories in (lists, np.array(HISTORY, np.int64), tf.ragged.constant(lists)):
        np.testing.assert_array_equal(trained.recommend(histories, k=3).item_ids, expected)
    popular = trained.recommend([[]], k=4).item_ids
    np.testing.assert_array_equal(popular, [[1, 2, 3, 4]])
    assert trained.recommend(np.zeros((0, 4), np.int32), k=3).item_ids.shape == (0, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"histories": [[ITEMS + 1]]}, "history"),
        ({"histories": [[1]], "k": 0}, "k must be at least 1"),
        ({"histories": [[1]], "batch_size": 0}, "batch_size must be at least 1"),
    ],
)
def test_what_cannot_be_recommended_is_refused_by_its_name(
    trained: NextItemModel, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        trained.recommend(**arguments)


# The way of every other model


def test_an_export_answers_as_the_model(trained: NextItemModel, tmp_path: Path) -> None:
    export_savedmodel(trained, tmp_path / "export", NAMES)
    served = tf.saved_model.load(str(tmp_path / "export")).signatures["serving_default"]
    history = np.full((1, 50), "", object)
    history[0, :3] = NAMES[2], NAMES[5], NAMES[1]
    names = served(history=tf.constant(history, tf.string))["item_ids"].numpy()[0, :4].astype(str)
    expected = trained.recommend([[3, 6, 2]], k=4).item_ids[0]
    assert list(names) == [NAMES[item - 1] for item in expected]


def test_a_warm_start_keeps_what_was_learned(trained: NextItemModel) -> None:
    model = make_model()
    assert warm_start(model, trained, NAMES, NAMES) == ITEMS
    np.testing.assert_allclose(model(HISTORY), trained(HISTORY), rtol=1e-6)
    assert int(model.optimizer.iterations) == int(trained.optimizer.iterations) > 0
    with pytest.raises(ValueError, match="^previous: "):
        warm_start(make_model("gru4rec"), trained, NAMES, NAMES)
