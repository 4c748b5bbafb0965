"""The encoder alone learns as MCLRec without contrast does, and recommends without an export."""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
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
        ({"histories": [[1]], "candidates": [ITEMS + 1]}, "candidates must hold ids from 1"),
        ({"histories": [[1]], "candidates": [1.5]}, "candidates must be integer ids"),
        (
            {"histories": [[1]], "candidates": 3},
            r"candidates must have the shape \[C\] or \[B, C\]",
        ),
        ({"histories": [[1], [2]], "exclude": [[3]]}, "exclude must have a row for each history"),
        ({"histories": [[1]], "exclude": [[-1]]}, "exclude must hold ids from 1"),
        ({"histories": [[1]], "exclude": [1, None]}, "exclude must be .* got one of dtype object"),
        ({"histories": [[1]], "exclude": pd.DataFrame({"a": [1]})}, "exclude must be .*DataFrame"),
    ],
)
def test_what_cannot_be_recommended_is_refused_by_its_name(
    trained: NextItemModel, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        trained.recommend(**arguments)


def test_candidates_are_chosen_from_and_what_is_excluded_is_not(trained: NextItemModel) -> None:
    scores = trained.predict(HISTORY, verbose=0)
    random = np.random.default_rng(0)
    candidates = [random.integers(1, ITEMS + 1, 1 + row).tolist() for row in range(len(HISTORY))]
    exclude = [lists[:1] for lists in candidates]
    found = trained.recommend(
        HISTORY, ITEMS, True, batch_size=2, candidates=candidates, exclude=exclude
    )
    for row, (ids, out) in enumerate(zip(candidates, exclude, strict=True)):
        wanted = sorted(set(ids) - set(out), key=lambda item: -scores[row][item])
        assert found.item_ids[row][found.item_ids[row] > 0].tolist() == wanted
    alike = trained.recommend(HISTORY, 2, candidates=candidates[-1], batch_size=2)
    rows = trained.recommend(HISTORY, 2, candidates=[candidates[-1]] * len(HISTORY))
    np.testing.assert_array_equal(alike.item_ids, rows.item_ids)
    assert not trained.recommend(HISTORY, 3, candidates=[]).item_ids.any()
    for sets in ({*candidates[-1]}, [{*candidates[-1]}] * len(HISTORY)):
        same = trained.recommend(HISTORY, 2, candidates=sets)
        np.testing.assert_array_equal(same.item_ids, alike.item_ids)
    np.testing.assert_array_equal(
        trained.recommend(HISTORY, 3, exclude=[]).item_ids, trained.recommend(HISTORY, 3).item_ids
    )


def test_similar_items_have_the_largest_cosines(trained: NextItemModel) -> None:
    vectors = np.array(trained.item_vectors(), np.float64)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    items = [1, 5, ITEMS, 5]
    cosines = unit[items] @ unit.T
    cosines[:, 0] = cosines[np.arange(len(items)), items] = -np.inf
    expected = np.argsort(-cosines, axis=1)[:, :4]
    found = trained.similar_items(items, k=4, batch_size=3)
    np.testing.assert_array_equal(found.item_ids, expected)
    np.testing.assert_allclose(found.scores, np.take_along_axis(cosines, expected, 1), rtol=1e-5)
    everything = trained.similar_items([0, 2], k=ITEMS + 9)
    assert not everything.item_ids[0].any() and np.isneginf(everything.scores[0]).all()
    assert sorted(everything.item_ids[1]) == [0, 1, *range(3, ITEMS + 1)]
    assert trained.similar_items([], k=3).item_ids.shape == (0, 3)


def test_an_item_without_a_direction_is_like_no_other() -> None:
    model = make_model()
    model(HISTORY)
    table = model.encoder.item_embedding.table
    table.assign(np.where(np.arange(ITEMS + 2)[:, None] == 3, 0.0, table.numpy()))
    assert model.similar_items([3], k=ITEMS).scores[0, :-1].tolist() == [0.0] * (ITEMS - 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"items": [ITEMS + 1]}, "items must hold ids from 1"),
        ({"items": 3}, r"items must have the shape \[B\]"),
        ({"items": ["3"]}, "items must be integer ids"),
        ({"items": [1], "k": 0}, "k must be at least 1"),
        ({"items": [1], "batch_size": 0}, "batch_size must be at least 1"),
    ],
)
def test_items_that_have_no_neighbours_are_refused(
    trained: NextItemModel, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        trained.similar_items(**arguments)


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
