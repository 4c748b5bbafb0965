"""Members of an ensemble learn as if they were alone, and score together."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf import (
    BSARec,
    EncoderEnsemble,
    GRU4Rec,
    MCLRec,
    NextItemModel,
    SequenceEncoder,
)
from mclrec_tf.data.histories import Histories
from mclrec_tf.models.architecture import ArchitectureMismatchError
from mclrec_tf.models.building import build_model, encoder_optimizer
from mclrec_tf.models.item_start import start_from_co_occurrence
from mclrec_tf.models.warm_start import warm_start

ITEMS, LENGTH = 30, 10
HISTORY = tf.constant(np.random.default_rng(0).integers(1, ITEMS + 1, (12, 7)), tf.int32)
TARGETS = tf.constant(np.random.default_rng(1).integers(1, ITEMS + 1, (12, 7)), tf.int32)
MEMBERS: list[Callable[[], SequenceEncoder]] = [
    lambda: BSARec(ITEMS, dim=8, max_length=LENGTH, num_layers=1, dropout=0.0),
    lambda: GRU4Rec(ITEMS, dim=4, max_length=LENGTH, dropout=0.0),
]


def two_members(num_items: int = ITEMS) -> EncoderEnsemble:
    return EncoderEnsemble([BSARec(num_items, dim=8, num_layers=1) for _ in range(2)])


def with_its_members_apart() -> tuple[NextItemModel, list[NextItemModel]]:
    """An ensemble, and models of one encoder each that have the weights of its members."""
    keras.utils.set_random_seed(3)
    ensemble = NextItemModel(EncoderEnsemble([make() for make in MEMBERS]), "recommended")
    apart, begin = [], 0
    for member, make in zip(ensemble.encoder.members, MEMBERS, strict=True):
        alone = NextItemModel(make(), "recommended")
        own = ensemble.encoder.item_embedding.table.numpy()[:, begin : begin + member.dim]
        begin += member.dim
        alone.encoder.item_embedding.table.assign(own)
        others = [w for w in alone.encoder.weights if w is not alone.encoder.item_embedding.table]
        for weight, of_member in zip(others, member.weights, strict=True):
            weight.assign(of_member)
        apart.append(alone)
    return ensemble, apart


def test_a_score_is_the_mean_of_what_the_members_give() -> None:
    ensemble, apart = with_its_members_apart()
    expected = np.mean([alone(HISTORY).numpy()[:, 1:] for alone in apart], axis=0)
    np.testing.assert_allclose(ensemble(HISTORY).numpy()[:, 1:], expected, rtol=1e-5, atol=1e-7)


def test_members_learn_as_if_they_were_alone() -> None:
    ensemble, apart = with_its_members_apart()
    # The loss is the mean of those of the members, so that a step of it is half as long for each.
    ensemble.compile(keras.optimizers.SGD(2.0), run_eagerly=True)
    losses = [ensemble.train_on_batch(HISTORY, TARGETS, return_dict=True)["loss"] for _ in range(3)]
    expected = []
    for alone in apart:
        alone.compile(keras.optimizers.SGD(1.0), run_eagerly=True)
        expected.append(
            [alone.train_on_batch(HISTORY, TARGETS, return_dict=True)["loss"] for _ in range(3)]
        )
    np.testing.assert_allclose(losses, np.mean(expected, axis=0), rtol=1e-5)
    together = np.mean([alone(HISTORY).numpy()[:, 1:] for alone in apart], axis=0)
    np.testing.assert_allclose(ensemble(HISTORY).numpy()[:, 1:], together, rtol=1e-4, atol=1e-6)


def test_members_begin_in_different_places() -> None:
    encoder = two_members()
    encoder.build()
    vectors = encoder(HISTORY, last_only=True)
    assert np.abs(vectors[:, :8] - vectors[:, 8:]).max() > 0.01


def test_each_member_starts_from_a_factorisation_of_its_own() -> None:
    encoder = two_members()
    encoder.build()
    before = encoder.item_embedding.table.numpy()
    histories = Histories.from_lists(HISTORY.numpy().tolist())
    start_from_co_occurrence(encoder, histories, seed=5)
    starts = np.split(encoder.item_embedding.table.numpy() - before, 2, axis=1)
    alone = [BSARec(ITEMS, dim=8, num_layers=1) for _ in starts]
    for seed, encoder_alone, start in zip((5, 1_005), alone, starts, strict=True):
        encoder_alone.build()
        before = encoder_alone.item_embedding.table.numpy()
        start_from_co_occurrence(encoder_alone, histories, seed)
        added = encoder_alone.item_embedding.table.numpy() - before
        np.testing.assert_allclose(start, added, atol=1e-6)


@pytest.mark.parametrize("preset", ["recommended", "reference"])
def test_a_saved_ensemble_goes_on_where_it_was(preset: str, tmp_path: Path) -> None:
    def trained(model: NextItemModel) -> list[np.ndarray]:
        """The loss of a step, and what the optimizer then knows."""
        model.reset_metrics()
        loss = np.ravel(model.train_on_batch(HISTORY, TARGETS))
        return [loss, *map(np.array, model.optimizer.variables)]

    # Two of a kind, which only their order tells apart.
    members = [BSARec(ITEMS, dim=8, num_layers=1, dropout=0.0) for _ in range(2)]
    model = NextItemModel(EncoderEnsemble(members), preset)
    model.compile(encoder_optimizer(0.1, preset=preset), run_eagerly=True)
    trained(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(HISTORY), model(HISTORY), atol=1e-6)
    loaded.run_eagerly = True
    for one, other in zip(trained(loaded), trained(model), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_a_frozen_member_stays_frozen_once_it_is_loaded(tmp_path: Path) -> None:
    model = NextItemModel(two_members())
    model.encoder.members[0].trainable = False
    model.compile(encoder_optimizer(0.1), run_eagerly=True)
    model.save(tmp_path / "model.keras")
    for one in (model, keras.models.load_model(tmp_path / "model.keras")):
        one.run_eagerly = True
        before = [[weight.numpy() for weight in member.weights] for member in one.encoder.members]
        one.train_on_batch(HISTORY, TARGETS)
        moved = [
            any(
                np.any(weight.numpy() != old)
                for weight, old in zip(member.weights, olds, strict=True)
            )
            for member, olds in zip(one.encoder.members, before, strict=True)
        ]
        assert moved == [False, True]


def test_a_member_is_no_encoder_of_another_model() -> None:
    """It would train without an item table, and be saved without one."""
    member = two_members().members[0]
    for model in (NextItemModel, MCLRec):
        with pytest.raises(ValueError, match=f"encoder: {member.name} belongs to an ensemble"):
            model(member)


def test_a_regularizer_weighs_for_a_member_what_it_weighs_alone() -> None:
    ensemble, apart = with_its_members_apart()
    for encoder in (*ensemble.encoder.members, *(alone.encoder for alone in apart)):
        encoder.trainable_variables[-1].regularizer = keras.regularizers.L2(0.1)
    for model in (ensemble, *apart):
        model.compile("sgd", run_eagerly=True)
    losses = [model.train_on_batch(HISTORY, TARGETS) for model in (ensemble, *apart)]
    assert np.ravel(losses[0])[0] == pytest.approx(np.mean([np.ravel(x)[0] for x in losses[1:]]))


class Own(SequenceEncoder):
    """An encoder of one's own, which asks the item embedding for more than vectors."""

    def encode(self, ids: tf.Tensor, lengths: tf.Tensor, training: bool | None) -> tf.Tensor:
        items = self.item_embedding
        assert (items.num_items, items.dim, items.mask_token) == (ITEMS, 4, ITEMS + 1)
        centre = tf.reduce_mean(tf.convert_to_tensor(items.table), axis=0)
        return tf.math.cumsum(items(ids) - centre, axis=1)


def test_an_encoder_of_ones_own_can_be_a_member() -> None:
    keras.utils.set_random_seed(1)
    encoder = EncoderEnsemble([Own(ITEMS, dim=4), Own(ITEMS, dim=4)])
    encoder.build()
    table = encoder.item_embedding.table.numpy()
    first = np.cumsum(table[HISTORY, :4] - table[:, :4].mean(axis=0), axis=1)
    np.testing.assert_allclose(encoder(HISTORY)[..., :4], first / 2, atol=1e-6)


def test_a_warm_start_goes_on_with_the_same_members_alone() -> None:
    def compiled(encoder: SequenceEncoder) -> NextItemModel:
        model = NextItemModel(encoder)
        model.compile("adam")
        return model

    names = [f"item-{number}" for number in range(ITEMS)]
    previous, model = compiled(two_members()), compiled(two_members(ITEMS + 1))
    for slot in previous.optimizer.variables:
        if slot.ndim:
            slot.assign(tf.random.uniform(slot.shape))
    assert warm_start(model, previous, [*names, "new"], names) == ITEMS
    known = model(HISTORY).numpy()[:, : ITEMS + 1]
    np.testing.assert_allclose(known, previous(HISTORY), rtol=1e-5, atol=1e-6)
    for of_new, of_previous in zip(
        model.optimizer.variables, previous.optimizer.variables, strict=True
    ):
        if of_new.shape == of_previous.shape:
            np.testing.assert_array_equal(of_new, of_previous)
    for other, difference in (
        (BSARec(ITEMS, dim=16, num_layers=1), "members=2, the new model members=1"),
        (
            EncoderEnsemble([make() for make in MEMBERS]),
            "a BSARec, that of the new model a GRU4Rec",
        ),
        (
            EncoderEnsemble([BSARec(ITEMS, dim=8, num_layers=1, alpha=0.5) for _ in range(2)]),
            "alpha=0.7, that of the new model 0.5",
        ),
    ):
        with pytest.raises(ArchitectureMismatchError, match=difference):
            warm_start(compiled(other), previous, names, names)


def test_what_is_no_ensemble_is_refused() -> None:
    one = BSARec(ITEMS, name="one")
    built = BSARec(ITEMS)
    built.build()
    for members, complaint in (
        ([], "two encoders or more"),
        ([one], "two encoders or more"),
        (one, "two encoders or more"),
        (None, "two encoders or more"),
        ([one, "bsarec"], "single encoders, got 'bsarec'"),
        ([one, two_members()], "single encoders"),
        ([one, built], "is built"),
        ([one, two_members().members[0]], "belongs to an ensemble"),
        ([one, one], "different encoders"),
        ([one, BSARec(ITEMS, name="one")], "different names"),
        ([one, BSARec(ITEMS + 1)], "the same num_items"),
        ([one, BSARec(ITEMS, max_length=9)], "the same max_length"),
        ([one, BSARec(ITEMS, dtype="float64")], "the same dtype_policy"),
    ):
        with pytest.raises(ValueError, match=complaint):
            EncoderEnsemble(members)
    with pytest.raises(ValueError, match="dtype must be that of the members, float32"):
        EncoderEnsemble([BSARec(ITEMS), BSARec(ITEMS)], dtype="float64")


def test_how_many_members_is_a_setting() -> None:
    sizes = {"dim": 8, "num_layers": 1, "max_length": LENGTH}
    assert len(build_model(ITEMS, **sizes, members=3).encoder.members) == 3
    assert isinstance(build_model(ITEMS, **sizes, members=1).encoder, BSARec)
    with pytest.raises(ValueError, match="members must be at least 1"):
        build_model(ITEMS, **sizes, members=0)
