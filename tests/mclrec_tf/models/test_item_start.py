"""An item table that starts from co-occurrence."""

import keras
import numpy as np
import pytest

from mclrec_tf import BSARec, NextItemModel
from mclrec_tf.data.batches import training_batches
from mclrec_tf.data.histories import Histories
from mclrec_tf.models.building import encoder_optimizer
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
