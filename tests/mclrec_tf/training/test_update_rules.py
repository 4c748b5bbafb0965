"""Each update rule does the update it names, and no other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf import MCLRec, SASRec
from mclrec_tf.data.batches import training_batches
from mclrec_tf.training.update_rules import MAML, UPDATE_RULES, Batch, UpdateRule
from tests.mclrec_tf.ring import (
    ITEMS,
    assert_same,
    changes,
    make_batch,
    make_model,
    ring_walks,
    values,
)

MAML_RULES = ("maml", "maml_first_order")
SGD = keras.optimizers.SGD


@pytest.mark.integration
@pytest.mark.parametrize("rule", sorted(UPDATE_RULES))
def test_every_rule_trains_in_a_graph_and_reports_its_losses(rule: str) -> None:
    model = make_model(update_rule=rule)
    before = values(model.encoder_weights), values(model.augmenter_weights)
    history = model.fit(training_batches(ring_walks(40), 10, 64), epochs=4, verbose=0).history
    expected = {"loss", "rec_loss", "cl1_loss", "cl2_loss", "regularization"}
    expected |= set(model.update_rule.reports)
    assert expected < set(history)
    assert all(np.isfinite(values).all() for values in history.values())
    assert history["rec_loss"][-1] < history["rec_loss"][0]
    for old, group in zip(before, (model.encoder_weights, model.augmenter_weights), strict=True):
        assert all(np.any(change) for change in changes(old, group))


@pytest.mark.parametrize("rule", sorted(UPDATE_RULES))
def test_same_seed_same_result(rule: str) -> None:
    eager = {"run_eagerly": True}
    first, second = (make_model(update_rule=rule, compile_arguments=eager) for _ in range(2))
    for model in (first, second):
        batches = training_batches(ring_walks(12), 10, batch_size=80, seed=1)
        model.fit(batches, epochs=1, verbose=0)
    assert_same(first, second)


@pytest.mark.parametrize("rule", ["alternating", "alternating_refine"])
def test_stage_one_moves_only_the_encoder_and_stage_two_only_the_augmenters(
    rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model(update_rule=rule)
    moved = []

    def watched(update: Any) -> Any:
        def watch(batch: Batch) -> Any:
            weights = (model.encoder_weights, model.augmenter_weights)
            before = [values(group) for group in weights]
            losses = update(batch)
            pairs = zip(before, weights, strict=True)
            moved.append(tuple(any(map(np.any, changes(*pair))) for pair in pairs))
            return losses

        return watch

    for stage in ("update_encoder", "update_augmenters"):
        monkeypatch.setattr(model, stage, watched(getattr(model, stage)))
    model.update_rule.update(model, make_batch(model))
    one, two = (True, False), (False, True)
    assert moved == ([one, two] if rule == "alternating" else [one, two, one])


def test_alternating_is_algorithm_1() -> None:
    model = make_model(dropout=0.0, optimizers=(SGD(0.5), SGD(0.3)))
    batch = make_batch(model)
    theta, phi = values(model.encoder_weights), values(model.augmenter_weights)
    with tf.GradientTape() as tape:
        loss = model.encoder_losses(batch).objective
    first = dense_gradients(tape, loss, model.encoder_weights)
    model.update_rule.update(model, batch)
    assert_close(changes(theta, model.encoder_weights), [-0.5 * g for g in first])

    after = changes(phi, model.augmenter_weights)
    for weight, value in zip(model.augmenter_weights, phi, strict=True):
        weight.assign(value)
    with tf.GradientTape() as tape:
        views = model._view_losses(model._encode_views(batch))
        loss = model.objective.augmenter_loss(views)
    second = dense_gradients(tape, loss, model.augmenter_weights)
    assert_close(after, [-0.3 * g for g in second])


def test_joint_moves_both_by_the_gradients_of_l0() -> None:
    model = make_model(update_rule="joint", dropout=0.0, optimizers=(SGD(0.5), SGD(0.3)))
    batch = make_batch(model)
    for_both = model.encoder_weights + model.augmenter_weights
    rates = [0.5] * len(model.encoder_weights) + [0.3] * len(model.augmenter_weights)
    before = values(for_both)
    with tf.GradientTape() as tape:
        loss = model.encoder_losses(batch).objective
    gradients = dense_gradients(tape, loss, for_both)
    losses = model.update_rule.update(model, batch)
    moves = [-rate * gradient for rate, gradient in zip(rates, gradients, strict=True)]
    assert_close(changes(before, for_both), moves)
    np.testing.assert_allclose(losses["loss"], loss)


@pytest.fixture
def float64(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Float64 throughout, with a next-item loss that does not compute in float32."""

    def loss(
        vectors: tf.Tensor, candidates: tf.Tensor, labels: tf.Tensor, label_smoothing: float
    ) -> tf.Tensor:
        assert label_smoothing == 0
        logits = tf.matmul(vectors, candidates, transpose_b=True)
        return tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        )

    monkeypatch.setattr("mclrec_tf.models.next_item_model.next_item_loss", loss)
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("lambda_", [0.0, 0.3])
@pytest.mark.parametrize("rule", MAML_RULES)
def test_maml_gradient_is_that_of_the_outer_loss_through_the_look_ahead(
    rule: str, lambda_: float, float64: None
) -> None:
    """Against finite differences of L_out(θ − l∇L0(θ, φ)) by φ."""
    rate = 0.5
    model = make_model(
        update_rule=rule,
        dropout=0.0,
        lambda_=lambda_,
        beta=0.7,
        optimizers=(SGD(rate), SGD(1.0)),
    )
    batch = make_batch(model)
    theta, phi = values(model.encoder_weights), values(model.augmenter_weights)

    def outer(phi_values: list[np.ndarray]) -> float:
        assign(model.augmenter_weights, phi_values)
        with tf.GradientTape() as tape:
            loss = model.encoder_losses(batch).objective
        gradients = dense_gradients(tape, loss, model.encoder_weights)
        ahead = [t - rate * g for t, g in zip(theta, gradients, strict=True)]
        assign(model.encoder_weights, ahead)
        result = float(model.outer_losses(batch).objective)
        assign(model.encoder_weights, theta)
        return result

    random = np.random.default_rng(0)
    directions = [[random.normal(size=p.shape) for p in phi] for _ in range(4)]
    h = 1e-6  # nearer than the kinks of R
    expected = [
        (outer(moved(phi, direction, h)) - outer(moved(phi, direction, -h))) / (2 * h)
        for direction in directions
    ]
    assign(model.augmenter_weights, phi)
    with tf.GradientTape() as tape:
        loss = model.encoder_losses(batch).objective
    gradients = dense_gradients(tape, loss, model.encoder_weights)

    losses = model.update_rule.update(model, batch)
    found = [
        -sum(np.sum(c * d) for c, d in zip(changes(phi, model.augmenter_weights), way, strict=True))
        for way in directions
    ]
    accuracy = 1e-7 if rule == "maml" else 1e-2
    np.testing.assert_allclose(found, expected, atol=accuracy * np.max(np.abs(expected)))
    # θ takes the step of L0 itself.
    assert_close(changes(theta, model.encoder_weights), [-rate * g for g in gradients], 1e-12)
    np.testing.assert_allclose(losses["loss"], loss)


def test_first_order_difference_has_the_dropout_of_l0_at_both_ends() -> None:
    """With other masks it would be far from the derivative, by the chance of two dropouts."""
    found = {}
    for rule in MAML_RULES:
        model = make_model(update_rule=rule, dropout=0.5, beta=0.7, optimizers=(SGD(0.5), SGD(1.0)))
        phi = values(model.augmenter_weights)
        model.update_rule.update(model, make_batch(model))
        found[rule] = np.concatenate([c.ravel() for c in changes(phi, model.augmenter_weights)])
    scale = np.linalg.norm(found["maml"])
    assert np.linalg.norm(found["maml_first_order"] - found["maml"]) < 0.02 * scale


def test_maml_draws_new_dropout_in_each_step() -> None:
    model = make_model(update_rule="maml_first_order", dropout=0.5)
    states = values(model.random_states)
    model.update_rule.update(model, make_batch(model))
    drawn = {int(change[1]) for change in changes(states, model.random_states)}
    # Histories and views, in L0 and in the outer loss: four times by most layers, by one layer in
    # two places, and never by the views, which come with the batch. Not once for the difference.
    assert drawn == {0, 4, 8}


class AugmentersFirst(UpdateRule):
    """A rule of one's own: φ on L1 first, then θ on L0 with the new φ, now and then."""

    reports = ("augmenter_loss",)

    def __init__(self, encoder_updates: int = 1) -> None:
        self.encoder_updates = encoder_updates

    def update(self, model: Any, batch: Batch) -> dict[str, tf.Tensor]:
        losses = model.update_augmenters(batch) if model.objective.uses_augmenters else {}
        for _ in range(self.encoder_updates):
            losses |= model.update_encoder(batch)
        return losses

    def get_config(self) -> dict[str, Any]:
        return {"encoder_updates": self.encoder_updates}


def test_a_rule_of_ones_own_trains_and_is_saved(tmp_path: Path) -> None:
    registered = keras.saving.register_keras_serializable("test_update_rules")(AugmentersFirst)
    model = make_model(
        update_rule=registered(encoder_updates=2), compile_arguments={"run_eagerly": True}
    )
    history = model.fit(training_batches(ring_walks(12), 10, 80), epochs=1, verbose=0).history
    assert "augmenter_loss" in history
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.update_rule, AugmentersFirst)
    assert loaded.update_rule.encoder_updates == 2


@pytest.mark.parametrize("rule", [None, "maml_first_order", MAML(first_order=True)])
def test_configuration_round_trip(rule: Any) -> None:
    model = MCLRec(SASRec(ITEMS, dim=8), update_rule=rule)
    again = MCLRec.from_config(model.get_config())
    assert type(again.update_rule) is type(model.update_rule)
    assert again.update_rule.get_config() == model.update_rule.get_config()
    assert again.get_config().keys() == model.get_config().keys()
    assert again.get_config()["update_rule"] == model.get_config()["update_rule"]


def test_unknown_rule() -> None:
    with pytest.raises(ValueError, match="update_rule must be one of .*'joint', 'maml'.*'best'"):
        MCLRec(SASRec(ITEMS, dim=8), update_rule="best")


def dense_gradients(tape: Any, loss: tf.Tensor, weights: list[Any]) -> list[np.ndarray]:
    return [tf.convert_to_tensor(g).numpy() for g in tape.gradient(loss, weights)]


def assert_close(found: list[np.ndarray], expected: list[np.ndarray], atol: float = 1e-6) -> None:
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=atol)


def assign(weights: list[keras.Variable], arrays: list[np.ndarray]) -> None:
    for weight, array in zip(weights, arrays, strict=True):
        weight.assign(array)


def moved(start: list[np.ndarray], direction: list[np.ndarray], h: float) -> list[np.ndarray]:
    return [s + h * d for s, d in zip(start, direction, strict=True)]
