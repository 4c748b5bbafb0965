"""Items with features: their vectors held against a plain loop, cold items, saving, and use."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf import BSARec, EncoderEnsemble, GRU4Rec, MCLRec, NextItemModel, SASRec
from mclrec_tf.data.histories import Histories, leave_one_out
from mclrec_tf.data.item_features import ItemCategories, ItemFeatures
from mclrec_tf.evaluation.offline import rank_targets
from mclrec_tf.models.building import build_model
from mclrec_tf.models.computed_items import with_computed_items
from mclrec_tf.models.item_features import feature_embedding
from mclrec_tf.models.recipe import train_model
from mclrec_tf.models.sequential_recommender import SequentialRecommender
from mclrec_tf.training.early_stopping import ResumableEarlyStopping

ITEMS, COLD = 12, 3
RANDOM = np.random.default_rng(5)
GENRES = [["drama"], ["comedy", "drama"], [], ["noir", "drama", "comedy"]] * 3
BRANDS = [[f"brand {item % 5}"] for item in range(ITEMS)]
TEXT = np.concatenate([np.zeros((1, 4)), 7 * RANDOM.normal(size=(ITEMS, 4))]).astype(np.float32)
TEXT[3] = 0  # an item without a text
FEATURES = ItemFeatures(
    {name: ItemCategories.from_lists(of) for name, of in (("genres", GENRES), ("brand", BRANDS))},
    {"text": TEXT},
    COLD,
)
WARM = ITEMS - COLD
HISTORY = RANDOM.integers(1, WARM + 1, (16, 6)).astype(np.int32)


def as_if_trained(model: SequentialRecommender) -> Any:
    random = np.random.default_rng(0)
    for weight in model.encoder_weights:
        weight.assign(weight + random.normal(0, 0.3, weight.shape))
    return model


def new_model(features: ItemFeatures | None = FEATURES, **arguments: Any) -> NextItemModel:
    keras.utils.set_random_seed(0)
    return NextItemModel(
        SASRec(ITEMS, dim=8, max_length=6, num_layers=1, dropout=0.0, **arguments),
        item_features=features,
    )


@pytest.fixture
def model() -> NextItemModel:
    return as_if_trained(new_model())


def vectors_by_a_loop(model: SequentialRecommender) -> np.ndarray:
    features = model.item_features
    assert features is not None
    vectors = model.encoder.item_embedding.table.numpy()
    vectors[WARM + 1 : ITEMS + 1] = 0
    length = np.mean([np.linalg.norm(row) for row in TEXT if row.any()])
    for item in range(1, ITEMS + 1):
        for name, lists in (("genres", GENRES), ("brand", BRANDS)):
            values = features.values[name]
            of_item = [
                features.value_vectors[name].numpy()[values.index(value)]
                for value in lists[item - 1]
            ]
            vectors[item] += np.mean(of_item, axis=0) if of_item else 0
        vectors[item] += TEXT[item] / length @ features.projections["text"].numpy()
    return vectors


def test_the_vector_of_an_item_is_its_own_and_those_of_its_features(model: NextItemModel) -> None:
    expected = vectors_by_a_loop(model)
    items = model.encoder.item_embedding
    np.testing.assert_allclose(model.item_vectors(), expected[:-1], atol=1e-5)
    np.testing.assert_allclose(items.whole_table(), expected, atol=1e-5)
    ids = np.array([[0, 1, 5], [ITEMS, ITEMS + 1, 2]])
    np.testing.assert_allclose(items(tf.constant(ids)), expected[ids], atol=1e-5)
    np.testing.assert_allclose(items.candidates(2, 5), expected[2:6], atol=1e-5)
    np.testing.assert_allclose(items.candidates(WARM, ITEMS), expected[WARM:-1], atol=1e-5)


def test_features_say_nothing_before_they_have_learned() -> None:
    """With none cold, a new model scores as one without features, and has its weights besides."""
    warm = ItemFeatures(FEATURES.categories, FEATURES.vectors)
    plain, featured = new_model(None), new_model(warm)
    np.testing.assert_array_equal(featured(HISTORY), plain(HISTORY))
    names = [weight.path for weight in plain.weights]
    own = [weight for weight in featured.weights if not weight.path.startswith("features/")]
    assert [weight.shape for weight in own] == [weight.shape for weight in plain.weights]
    assert len(own) < len(featured.weights) and not any("features" in name for name in names)
    assert "item_features" not in plain.get_config()


def trained(model: NextItemModel) -> NextItemModel:
    model.compile(keras.optimizers.Adam(0.02), run_eagerly=True)
    model.fit(HISTORY[:, :-1], HISTORY[:, 1:], epochs=2, batch_size=16, shuffle=False, verbose=0)
    return model


def test_cold_items_learn_from_the_others_what_their_features_say() -> None:
    model = new_model()
    before = model.encoder.item_embedding.table.numpy()
    trained(model)
    after = model.encoder.item_embedding.table.numpy()
    cold = slice(WARM + 1, ITEMS + 1)
    np.testing.assert_array_equal(after[cold], before[cold])
    assert (after[1 : WARM + 1] != before[1 : WARM + 1]).all()
    np.testing.assert_allclose(model.item_vectors(), vectors_by_a_loop(model)[:-1], atol=1e-5)
    assert np.abs(model.item_vectors().numpy()[cold]).sum(axis=1).min() > 0


def test_training_is_as_if_there_were_no_cold_items() -> None:
    """What trained items and features learn does not depend on what else is in the table."""

    def first(items: int) -> ItemFeatures:
        return ItemFeatures({"genres": ItemCategories.from_lists(GENRES[:items])}, {}, items - WARM)

    some, none = (
        NextItemModel(SASRec(n, dim=8, max_length=6, num_layers=1, dropout=0.0), item_features=f)
        for n, f in ((ITEMS, first(ITEMS)), (WARM, first(WARM)))
    )
    for one, other in zip(some.encoder_weights, none.encoder_weights, strict=True):
        if one is not some.encoder.item_embedding.table:
            other.assign(one)
    table = some.encoder.item_embedding.table.numpy()
    none.encoder.item_embedding.table.assign(np.delete(table, range(WARM + 1, ITEMS + 1), axis=0))
    for model in (some, none):
        trained(model)
    np.testing.assert_allclose(
        some(HISTORY)[:, 1 : WARM + 1], none(HISTORY)[:, 1 : WARM + 1], atol=1e-5
    )


def test_targets_that_are_cold_are_refused_in_training_and_ranked_in_evaluation() -> None:
    model = new_model()
    model.compile(run_eagerly=True)
    history, targets = HISTORY[:2, :3], np.array([[2, 3, 4], [1, 2, ITEMS]])
    with pytest.raises(ValueError, match="targets .* to 9, .* no training event; got 12"):
        model.fit(history, targets, verbose=0)
    model.evaluate(history, targets[:, -1], verbose=0)


@pytest.mark.parametrize(
    "encoder",
    [
        lambda: GRU4Rec(ITEMS, dim=8, max_length=6),
        lambda: EncoderEnsemble([BSARec(ITEMS, dim=d, max_length=6) for d in (4, 6)]),
    ],
)
def test_a_saved_model_scores_alike_and_knows_its_values(encoder: Any, tmp_path: Path) -> None:
    model = as_if_trained(MCLRec(encoder(), item_features=FEATURES))
    np.testing.assert_allclose(model.item_vectors(), vectors_by_a_loop(model)[:-1], atol=1e-5)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(HISTORY), model(HISTORY))
    assert again.item_features.values == model.item_features.values
    assert again.item_features.num_cold == COLD
    model.save_weights(tmp_path / "model.weights.h5")
    other = MCLRec(encoder(), item_features=FEATURES)
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(other(HISTORY), model(HISTORY))


def test_the_configuration_holds_no_features(model: NextItemModel) -> None:
    assert "noir" not in str(model.get_config()) and len(str(model.get_config())) < 3000


def test_use_is_by_vectors_that_are_added_up_once(
    model: NextItemModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.compile(run_eagerly=True)
    scores = model(HISTORY).numpy()
    ranks = model.rank(HISTORY, HISTORY[:, 0])
    calls = []
    call = type(model.item_features).call
    monkeypatch.setattr(
        type(model.item_features), "call", lambda *a: calls.append(len(a[1])) or call(*a)
    )

    for use in (
        lambda: model.predict(HISTORY, batch_size=4, verbose=0),
        lambda: model.predict_on_batch(HISTORY),
    ):
        calls.clear()
        np.testing.assert_allclose(use(), scores, atol=1e-5)
        assert calls == [ITEMS + 1]
    calls.clear()
    best = model.recommend(HISTORY, k=ITEMS, keep_seen=True, batch_size=4)
    np.testing.assert_allclose(best.scores, -np.sort(-scores[:, 1:]), atol=1e-5)
    assert calls == [ITEMS + 1]
    calls.clear()
    histories = Histories.from_lists(HISTORY.tolist())
    found = rank_targets(model, histories, HISTORY[:, 0], batch_size=4)
    np.testing.assert_array_equal(found.all_items, ranks.all_items)
    assert calls == [ITEMS + 1]
    calls.clear()
    results = model.evaluate(HISTORY, HISTORY[:, 0], batch_size=4, verbose=0, return_dict=True)
    expected = np.mean(ranks.all_items.numpy() <= 5)
    assert results["all_items_hit_rate_at_5"] == pytest.approx(expected)
    assert calls == [ITEMS + 1]
    # Weights that change later are seen.
    model.item_features.projections["text"].assign_add(np.ones((4, 8)))
    np.testing.assert_allclose(model.predict(HISTORY, verbose=0), model(HISTORY).numpy(), atol=1e-5)


def test_similar_items_of_a_cold_item(model: NextItemModel) -> None:
    vectors = vectors_by_a_loop(model)[1:-1]
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ unit[ITEMS - 1]
    cosines[ITEMS - 1] = -np.inf
    similar = model.similar_items([ITEMS], k=3)
    np.testing.assert_array_equal(similar.item_ids[0], 1 + np.argsort(-cosines)[:3])
    np.testing.assert_allclose(similar.scores[0], np.sort(cosines)[::-1][:3], atol=1e-5)


@pytest.mark.parametrize("kind", [NextItemModel, MCLRec])
def test_a_model_of_computed_items_scores_alike_without_features(kind: Any) -> None:
    model = as_if_trained(
        kind(SASRec(ITEMS, dim=8, max_length=6, num_layers=1), item_features=FEATURES)
    )
    computed = with_computed_items(model)
    plain = kind(SASRec(ITEMS, dim=8, max_length=6, num_layers=1))
    assert [weight.shape for weight in computed.weights] == [w.shape for w in plain.weights]
    with model.items_computed():
        np.testing.assert_array_equal(computed(HISTORY), model(HISTORY))
    assert with_computed_items(plain) is plain


def test_a_recipe_trains_it(tmp_path: Path) -> None:
    lists = [[1 + (start + step) % WARM for step in range(6)] for start in range(WARM)]
    train, validation, test = leave_one_out(Histories.from_lists(lists))
    validation = validation._replace(targets=np.where(np.arange(WARM) < 2, ITEMS, 1))
    model = build_model(
        ITEMS, dim=4, members=1, max_length=6, encoder="gru4rec", item_features=FEATURES
    )
    model.run_eagerly = True
    train_model(model, train, validation, ResumableEarlyStopping(str(tmp_path), epochs=1))
    # A state of the training is one of features, too.
    again = build_model(
        ITEMS, dim=4, members=1, max_length=6, encoder="gru4rec", item_features=FEATURES
    )
    again.run_eagerly = True
    train_model(again, train, validation, ResumableEarlyStopping(str(tmp_path), epochs=1))
    np.testing.assert_array_equal(again(HISTORY), model(HISTORY))


def test_training_events_of_cold_items_are_named(tmp_path: Path) -> None:
    train, validation, test = leave_one_out(Histories.from_lists([[ITEMS, 2, 3, 4]]))
    model = build_model(ITEMS, dim=4, members=1, item_features=FEATURES)
    with pytest.raises(ValueError, match="histories: item 12 has training events.*num_cold"):
        train_model(model, train, validation, ResumableEarlyStopping(str(tmp_path), epochs=1))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float64"])
def test_other_precisions(policy: str) -> None:
    model = trained(new_model(dtype=policy))
    assert {w.dtype for w in model.trainable_weights} == {
        "float64" if policy == "float64" else "float32"
    }
    tolerance = 1e-10 if policy == "float64" else 2e-2
    np.testing.assert_allclose(model.predict(HISTORY), model(HISTORY), atol=tolerance)


def test_what_is_no_features_of_the_catalogue_is_refused() -> None:
    encoder = SASRec(ITEMS + 1, dim=8)
    with pytest.raises(ValueError, match="item_features has 12 items, but the encoder 13"):
        NextItemModel(encoder, item_features=FEATURES)
    with pytest.raises(ValueError, match="item_features must be ItemFeatures, got {'genres'"):
        NextItemModel(encoder, item_features={"genres": GENRES})  # type: ignore[arg-type]
    NextItemModel(encoder)
    with pytest.raises(ValueError, match="item_features: the encoder is built already"):
        NextItemModel(encoder, item_features=ItemFeatures({}, {"x": np.zeros((14, 1), "f4")}))


def test_features_that_say_nothing_add_nothing() -> None:
    nothing = ItemFeatures(
        {"genres": ItemCategories.from_lists([[], []])}, {"text": np.zeros((3, 2), np.float32)}
    )
    embedding = feature_embedding(nothing, dim=3)
    for weight in embedding.trainable_weights:
        weight.assign(weight + 1)
    np.testing.assert_array_equal(embedding(tf.constant([0, 1, 2, 3])), np.zeros((4, 3)))
