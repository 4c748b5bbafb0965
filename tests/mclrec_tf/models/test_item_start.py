"""An item table that starts from co-occurrence."""

import keras
import numpy as np
import pytest

from mclrec_tf import BSARec, NextItemModel
from mclrec_tf.data.batches import training_batches
from mclrec_tf.data.histories import Histories
from mclrec_tf.data.item_features import ItemCategories, ItemFeatures
from mclrec_tf.data.item_vectors import item_vectors
from mclrec_tf.models.building import encoder_optimizer
from mclrec_tf.models.feature_start import fit_features
from mclrec_tf.models.item_features import feature_embedding
from mclrec_tf.models.item_start import start_from_co_occurrence

# Two groups of items that never meet.
LISTS = [np.random.default_rng(user).permutation(6) + 1 + 6 * (user % 2) for user in range(60)]
HISTORIES = Histories.from_lists([history.tolist() for history in LISTS])


def new_model() -> NextItemModel:
    keras.utils.set_random_seed(0)
    return NextItemModel(BSARec(num_items=14, dim=8))


def test_items_of_like_surroundings_start_near_each_other_and_nothing_else_changes() -> None:
    model, before = new_model(), new_model()
    start_from_co_occurrence(model.encoder, HISTORIES)
    table = model.encoder.item_embedding.table
    for weight, old in zip(model.weights, before.weights, strict=True):
        if weight is not table:
            np.testing.assert_array_equal(weight, old)
    vectors, random = table.numpy(), before.encoder.item_embedding.table.numpy()
    # The padding, what is in no history, and the mask token.
    np.testing.assert_array_equal(vectors[[0, 13, 14, 15]], random[[0, 13, 14, 15]])
    unit = vectors[1:13] / np.linalg.norm(vectors[1:13], axis=1, keepdims=True)
    cosines = unit @ unit.T
    assert cosines[:6, :6].min() > cosines[:6, 6:].max()


def test_the_first_epoch_gets_further_than_from_random_vectors() -> None:
    losses = {}
    for start in ("random", "co_occurrence"):
        model = new_model()
        model.compile(encoder_optimizer(1e-3))
        if start == "co_occurrence":
            start_from_co_occurrence(model.encoder, HISTORIES)
        batches = training_batches(HISTORIES, max_length=6, batch_size=32, seed=0)
        losses[start] = model.fit(batches, verbose=0).history["loss"][0]
    assert losses["co_occurrence"] < losses["random"]


def test_an_encoder_that_is_not_built_is_refused() -> None:
    with pytest.raises(ValueError, match="encoder is not built"):
        start_from_co_occurrence(BSARec(num_items=14), HISTORIES)


GROUPS = [["a"] if item < 6 else ["b", "odd"] if item % 2 else ["b"] for item in range(14)]


def test_features_explain_given_vectors_by_ridge_regression() -> None:
    random = np.random.default_rng(0)
    text = np.pad(random.normal(size=(14, 3)), [[1, 0], [0, 0]]).astype(np.float32)
    features = ItemFeatures({"group": ItemCategories.from_lists(GROUPS)}, {"text": text})
    embedding = feature_embedding(features, dim=4)
    ids, vectors = np.arange(2, 13), random.normal(size=(11, 4)).astype(np.float32)
    fit_features(embedding, vectors, ids)

    values = embedding.values["group"]
    shares = [[values_of.count(value) / len(values_of) for value in values] for values_of in GROUPS]
    scaled = text[1:] / np.linalg.norm(text[1:], axis=1).mean()
    matrix = np.concatenate([shares, scaled], axis=1)[ids - 1]
    solution = np.linalg.solve(matrix.T @ matrix + np.eye(6), matrix.T @ vectors)
    found = [embedding.value_vectors["group"], embedding.projections["text"]]
    np.testing.assert_allclose(np.concatenate(found), solution, atol=1e-3)


def test_the_start_is_divided_between_an_item_and_its_features() -> None:
    """The vectors are those of a model without features, but for cold items."""
    features = ItemFeatures({"group": ItemCategories.from_lists(GROUPS)}, {}, num_cold=2)
    keras.utils.set_random_seed(0)
    model = NextItemModel(BSARec(num_items=14, dim=8), item_features=features)
    plain = new_model()
    for one in (model, plain):
        start_from_co_occurrence(one.encoder, HISTORIES)
    np.testing.assert_allclose(model.item_vectors()[:13], plain.item_vectors()[:13], atol=1e-6)
    start = item_vectors(HISTORIES, 14, 8)
    for cold in (13, 14):  # of the group of items 7 to 12
        toward = start[1:13] @ model.item_vectors().numpy()[cold]
        assert toward[6:].min() > toward[:6].max()
    similar = model.similar_items([13, 14], k=6).item_ids
    assert set(similar.ravel().tolist()) <= set(range(7, 15))
