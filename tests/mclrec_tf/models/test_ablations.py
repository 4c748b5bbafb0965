"""Every ablation is one argument, trains, and reports the terms it has."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf import MCLRec, SASRec
from mclrec_tf.data.batches import training_batches
from mclrec_tf.training.losses import next_item_loss
from mclrec_tf.training.update_rules import Batch
from tests.mclrec_tf.ring import HISTORY, ITEMS, TARGETS, make_batch, make_model, ring_walks

FULL = {"loss", "rec_loss", "cl1_loss", "cl2_loss", "regularization", "augmenter_loss"}
DIAGNOSTICS = {
    "alignment",
    "uniformity",
    "positive_similarity",
    "negative_similarity",
    "effective_rank_z1",
    "effective_rank_z2",
}


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        ({}, FULL | DIAGNOSTICS),
        ({"lambda_": 0.0, "beta": 0.0}, {"loss", "rec_loss"}),
        ({"beta": 0.0}, {"loss", "rec_loss", "cl1_loss"}),
        ({"lambda_": 0.0}, (FULL | DIAGNOSTICS) - {"cl1_loss"}),
        ({"regularization": 0.0}, (FULL | DIAGNOSTICS) - {"regularization"}),
        ({"share_augmenters": True}, FULL | DIAGNOSTICS),
        ({"views": "training_data"}, {"loss", "rec_loss", "view_rec_loss"}),
        ({"update_rule": "joint"}, (FULL | DIAGNOSTICS) - {"augmenter_loss"}),
    ],
)
@pytest.mark.parametrize("preset", ["paper", "reference"])
def test_reports_the_terms_it_has(
    preset: str, arguments: dict[str, Any], reported: set[str]
) -> None:
    model = make_model(preset, compile_arguments={"run_eagerly": True}, **arguments)
    before = [v.numpy() for v in model.augmenter_weights]
    batches = training_batches(ring_walks(12), 10, 80)
    history = model.fit(batches, epochs=1, verbose=0).history
    assert set(history) == reported
    assert all(np.isfinite(values).all() for values in history.values())
    same = [np.array_equal(a, b) for a, b in zip(before, model.augmenter_weights, strict=True)]
    assert any(same) is not ("cl2_loss" in reported)


def test_terms_of_weight_zero_change_nothing() -> None:
    """Left out, they give the losses that their weight of 0 would."""
    full = make_model(dropout=0.0, lambda_=0.3, beta=0.2)
    batch = make_batch(full)
    terms = full.encoder_losses(batch).terms
    rec, cl1, cl2 = (terms[name] for name in ("rec_loss", "cl1_loss", "cl2_loss"))
    for arguments, expected in (
        ({"lambda_": 0.0, "beta": 0.2}, rec + 0.2 * (cl2 + 0.1 * terms["regularization"])),
        ({"lambda_": 0.3, "beta": 0.0}, rec + 0.3 * cl1),
        ({"lambda_": 0.3, "beta": 0.2, "regularization": 0.0}, rec + 0.3 * cl1 + 0.2 * cl2),
        ({"lambda_": 0.0, "beta": 0.0}, rec),
    ):
        model = make_model(dropout=0.0, **arguments)
        np.testing.assert_allclose(model.encoder_losses(batch).terms["loss"], expected, rtol=1e-6)


def test_shared_augmenter_is_one_layer_also_after_saving(tmp_path: Path) -> None:
    model = make_model(share_augmenters=True, compile_arguments={"run_eagerly": True})
    apart = make_model()
    assert model.augmenters[0] is model.augmenters[1]
    assert 2 * len(model.augmenter_weights) == len(apart.augmenter_weights)
    assert len({id(w) for w in model.trainable_weights}) == len(model.trainable_weights)
    assert model.count_params() < apart.count_params()
    model.fit(training_batches(ring_walks(12), 10, 80), epochs=1, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.augmenters[0] is loaded.augmenters[1]
    assert len(loaded.weights) == len(model.weights)
    for a, b in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    apart_copy = MCLRec.from_config(apart.get_config())
    assert apart_copy.augmenters[0] is not apart_copy.augmenters[1]


@pytest.mark.parametrize("preset", ["paper", "reference"])
def test_views_as_training_data_predict_what_came_after_the_original(preset: str) -> None:
    model = make_model(preset, views="training_data", dropout=0.0)
    batch = make_batch(model)
    # The last row asks for nothing after its first position, the third for nothing at all.
    targets = np.array(TARGETS)
    targets[2], targets[3, 1:] = 0, 0
    batch = batch._replace(targets=tf.constant(targets))
    terms = model.encoder_losses(batch).terms

    hidden = model.encoder(batch.history)
    asked = targets > 0
    vectors, labels = [hidden[asked]], [targets[asked]]
    after = np.array([7, 11, 0, 12])  # at the last asked position of each row
    for view in batch.views:
        last = model.encoder(view.ids, view.lengths, last_only=True)
        vectors.append(last[after > 0])
        labels.append(after[after > 0])
    skipped = 1 if preset == "paper" else 0
    candidates = model.encoder.item_embedding.candidates()[skipped:]

    def loss(parts: slice) -> float:
        wanted = np.concatenate(labels[parts]) - skipped
        return float(next_item_loss(tf.concat(vectors[parts], 0), candidates, wanted))

    assert float(terms["loss"]) == pytest.approx(loss(slice(None)), rel=1e-5)
    assert float(terms["rec_loss"]) == pytest.approx(loss(slice(0, 1)), rel=1e-5)
    assert float(terms["view_rec_loss"]) == pytest.approx(loss(slice(1, None)), rel=1e-5)


def test_the_encoder_alone_draws_no_views(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model(lambda_=0.0, beta=0.0)
    seen = []

    def update(_: MCLRec, batch: Batch) -> dict[str, tf.Tensor]:
        seen.append(batch.views)
        return {}

    monkeypatch.setattr(model.update_rule, "update", update)
    model.train_step((tf.constant(HISTORY), tf.constant(TARGETS)))
    assert seen == [None]


def test_bad_views() -> None:
    with pytest.raises(ValueError, match=r"views must be one of \('contrast', 'training_data'\)"):
        MCLRec(SASRec(ITEMS, dim=8), views="none")
