"""Counts as a part of the model: features, their weights, saving, warm start."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import optimize

from mclrec_tf import ItemCounts, MCLRec, NextItemModel, PostNormSASRec
from mclrec_tf.data.histories import Histories
from mclrec_tf.data.item_features import ItemCategories, ItemFeatures
from mclrec_tf.data.item_pairs import item_pairs, strongest
from mclrec_tf.layers import ItemNeighbours
from mclrec_tf.models import count_weights
from mclrec_tf.models.count_weights import fit_count_weights
from mclrec_tf.models.item_counts import FEATURES
from mclrec_tf.models.warm_start import warm_start

NUM_ITEMS = 20


def followed(users: int = 200, repeats: bool = False) -> Histories:
    """Each item is followed by the next one, mostly."""
    random = np.random.default_rng(0)
    lists = []
    for _ in range(users):
        history = [int(random.integers(1, NUM_ITEMS + 1))]
        for _ in range(random.integers(2, 7)):
            drawn = int(random.integers(1, NUM_ITEMS + 1))
            following = drawn if random.random() < 0.2 else history[-1] % NUM_ITEMS + 1
            history.append(history[0] if repeats and random.random() < 0.5 else following)
        lists.append(history)
    return Histories.from_lists(lists)


def model_with(counts: ItemCounts | None) -> NextItemModel:
    keras.utils.set_random_seed(1)
    return NextItemModel(PostNormSASRec(NUM_ITEMS, dim=8, num_layers=1), counts=counts)


@pytest.fixture(scope="module")
def counts() -> ItemCounts:
    counts = ItemCounts.from_histories(followed(), NUM_ITEMS, num_neighbours=6)
    counts.feature_weights.assign([0.1, 0.2, 0.4, -1.0, 0.3, 0.5])
    return counts


def test_shares_are_those_of_a_plain_sum() -> None:
    histories, decay, reach = followed(), 0.6, 3
    table = strongest(item_pairs(histories, NUM_ITEMS, window=2), NUM_ITEMS, 4)
    layer = ItemNeighbours(NUM_ITEMS, 4, decay, reach)
    layer.assign(*table)
    for history in ([5], [1, 2, 3], [9, 9, 1, 2, 3]):
        mass = np.zeros(NUM_ITEMS + 1)
        for age, item in enumerate(reversed(history[-reach:])):
            np.add.at(mass, table.items[item], decay**age * table.weights[item])
        found = layer(tf.constant([history + [0, 0]]))[0].numpy()
        np.testing.assert_allclose(found, mass / mass.sum(), rtol=1e-5)


def test_an_empty_history_and_an_item_without_neighbours_have_no_shares() -> None:
    layer = ItemNeighbours(NUM_ITEMS, 4)
    assert not layer(tf.constant([[0, 0], [3, 0]])).numpy().any()


def test_repeats_tell_how_long_ago_and_how_often(counts: ItemCounts) -> None:
    history = tf.constant([[4, 7, 4, 4, 9, 0]])
    features = dict(zip(FEATURES, counts.features(history)[:, 0].numpy(), strict=True))
    for item, (age, times) in {4: (1, 3), 7: (3, 1), 9: (0, 1)}.items():
        assert features["repeated"][item] == 1
        assert features["age_of_repeated"][item] == pytest.approx(np.log1p(age))
        assert features["times_of_repeated"][item] == pytest.approx(np.log(times))
    others = [item for item in range(1, NUM_ITEMS + 1) if item not in (4, 7, 9)]
    assert not features["repeated"][others].any()


HISTORY = tf.constant([[4, 7, 4, 4, 9, 0], [1, 0, 0, 0, 0, 0], [2, 3, 2, 3, 2, 3]])
SCORES = tf.random.stateless_normal([3, NUM_ITEMS + 1], seed=[1, 2])


def test_the_joint_scores_are_the_base_and_the_weighted_sum_of_the_features() -> None:
    layer = ItemCounts.from_histories(followed(), NUM_ITEMS, num_neighbours=6)
    layer.feature_weights.assign([0.3, 0.1, -0.2, 1.5, 0.7, -0.4])
    added = tf.tensordot(layer.feature_weights, layer.features(HISTORY), 1)
    expected = layer.base(HISTORY, SCORES) + added
    # The padding is no item: what stands there does not matter.
    np.testing.assert_allclose(layer(HISTORY, SCORES)[:, 1:], expected[:, 1:], atol=1e-5)


def test_the_encoder_does_not_tell_repeats_apart(counts: ItemCounts) -> None:
    base = counts.base(HISTORY, SCORES).numpy()
    for row, history in enumerate([{4, 7, 9}, {1}, {2, 3}]):
        others = [item for item in range(1, NUM_ITEMS + 1) if item not in history]
        scores = SCORES.numpy()[row].astype(float)
        np.testing.assert_array_equal(base[row, others], SCORES.numpy()[row, others])
        average = np.log(np.mean(np.exp(scores[others])))
        np.testing.assert_allclose(base[row, sorted(history)], average, rtol=1e-5)


def test_in_a_history_of_all_items_the_counts_alone_tell_them_apart() -> None:
    history = tf.range(1, NUM_ITEMS + 1)[None]
    layer = ItemCounts.from_histories(followed(), NUM_ITEMS, num_neighbours=6)
    layer.feature_weights.assign([0.1, 0.2, 0.4, -1.0, 0.3, 0.5])
    added = tf.tensordot(layer.feature_weights, layer.features(history), 1)
    found = layer(history, SCORES[:1])
    np.testing.assert_allclose(found[:, 1:], added[:, 1:], atol=1e-5)


def test_users_who_have_everything_do_not_stop_the_learning() -> None:
    everything = list(range(1, NUM_ITEMS + 1))
    known, targets = held_out(followed(repeats=True))
    lists = [known[user].tolist() for user in range(len(known))]
    model = model_with(ItemCounts.from_histories(known, NUM_ITEMS, num_neighbours=6))
    found = fit_count_weights(model, Histories.from_lists([*lists, everything]), [*targets, 3])
    assert np.isfinite([found.log_likelihood, *found.weights.values()]).all()


def test_where_the_encoder_alone_does_better_the_counts_have_no_weight(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known, targets = held_out(followed())
    model = model_with(ItemCounts.from_histories(known, NUM_ITEMS, num_neighbours=6))
    monkeypatch.setattr(count_weights._LogLikelihood, "of_encoder", lambda self: -0.1)
    found = fit_count_weights(model, known, targets)
    assert set(found.weights.values()) == {0.0} and found.log_likelihood == found.before
    history = tf.constant([[4, 7, 4]])
    np.testing.assert_array_equal(model(history)[:, 1:], model.encoder_scores(history)[:, 1:])


def test_counts_of_an_earlier_version_keep_the_encoders_scores_of_repeats() -> None:
    config = ItemCounts(NUM_ITEMS).get_config()
    assert not ItemCounts.from_config(config).encoder_scores_repeats
    del config["encoder_scores_repeats"]
    earlier = ItemCounts.from_config(config)
    np.testing.assert_array_equal(earlier.base(HISTORY, SCORES), SCORES)


def test_a_longer_padding_and_older_events_change_nothing(counts: ItemCounts) -> None:
    short = tf.constant([[4, 7, 9]])
    padded = tf.constant([[4, 7, 9, 0, 0]])
    scores = SCORES[:1]
    np.testing.assert_allclose(
        counts(short, scores)[:, 1:], counts(padded, scores)[:, 1:], rtol=1e-5
    )
    layer = ItemCounts(NUM_ITEMS, max_length=3)
    layer.feature_weights.assign([0, 0, 0, 1, 1, 1])
    older = tf.constant([[8, 8, 4, 7, 9]])
    np.testing.assert_array_equal(layer(short, scores), layer(older, scores))


def test_scores_are_the_encoders_and_the_counts(counts: ItemCounts) -> None:
    model = model_with(counts)
    history = tf.constant([[4, 7, 9], [1, 2, 0]])
    expected = counts(history, model.encoder_scores(history))
    np.testing.assert_allclose(model(history)[:, 1:], expected[:, 1:], rtol=1e-6)


def test_before_anything_is_learned_the_scores_are_the_encoders() -> None:
    model = model_with(ItemCounts.from_histories(followed(), NUM_ITEMS, num_neighbours=6))
    history = tf.constant([[4, 7, 4], [1, 2, 0]])
    np.testing.assert_array_equal(model(history)[:, 1:], model.encoder_scores(history)[:, 1:])


def test_an_empty_history_gets_the_popularity_ranking(counts: ItemCounts) -> None:
    found = model_with(counts).recommend([[]], k=4)
    assert found.item_ids.tolist() == [[1, 2, 3, 4]]


def test_training_does_not_touch_the_counts() -> None:
    counts = ItemCounts.from_histories(followed(), NUM_ITEMS, num_neighbours=6)
    before = [keras.ops.convert_to_numpy(weight) for weight in counts.weights]
    model = model_with(counts)
    model.compile()
    model.fit(np.array([[1, 2, 3]]), np.array([[2, 3, 4]]), verbose=0)
    for weight, value in zip(counts.weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)


@pytest.mark.parametrize("kind", [NextItemModel, MCLRec])
def test_a_saved_model_scores_alike(kind: type, counts: ItemCounts, tmp_path: Path) -> None:
    model = kind(PostNormSASRec(NUM_ITEMS, dim=8, num_layers=1), counts=counts)
    path = tmp_path / "model.keras"
    model.save(path)
    history = np.array([[4, 7, 4, 9], [1, 0, 0, 0]])
    loaded = keras.models.load_model(path)
    np.testing.assert_array_equal(
        loaded.predict(history, verbose=0)[:, 1:], model.predict(history, verbose=0)[:, 1:]
    )


def test_a_model_without_counts_stays_without(tmp_path: Path) -> None:
    model_with(None).save(tmp_path / "model.keras")
    assert keras.models.load_model(tmp_path / "model.keras").counts is None


def test_counts_of_another_catalogue_are_refused() -> None:
    with pytest.raises(ValueError, match="counts has 9 items, but the encoder 20"):
        model_with(ItemCounts(9))


def held_out(histories: Histories) -> tuple[Histories, np.ndarray]:
    lists = [histories[user].tolist() for user in range(len(histories))]
    return Histories.from_lists([one[:-1] for one in lists]), np.array([one[-1] for one in lists])


def test_the_weights_make_held_out_items_as_likely_as_can_be() -> None:
    known, targets = held_out(followed(repeats=True))
    counts = ItemCounts.from_histories(known, NUM_ITEMS, num_neighbours=6)
    model = model_with(counts)
    before = [keras.ops.convert_to_numpy(weight) for weight in model.learned_weights]
    found = fit_count_weights(model, known, targets)
    assert found.log_likelihood > found.before + 0.1
    assert found.weights["next"] + found.weights["followers"] > 0.1
    for weight, value in zip(model.learned_weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)

    history = tf.ragged.constant([known[u].tolist() for u in range(len(known))]).to_tensor()
    base = counts.base(history, model.encoder_scores(history))
    scores = [base, *counts.features(history)]
    features = np.stack(scores)[:, :, 1:].astype(float)

    def cost(weights: np.ndarray) -> float:
        logits = np.tensordot(weights, features, 1)
        right = logits[np.arange(len(targets)), targets - 1]
        prior = 0.5 * float(weights[1:] @ weights[1:])
        return prior - float(np.sum(right - np.logaddexp.reduce(logits, axis=1)))

    best = optimize.minimize(cost, np.eye(1 + len(FEATURES))[0]).x
    learned = [found.weights[name] for name in FEATURES]
    np.testing.assert_allclose(learned, best[1:] / best[0], rtol=0.02, atol=0.02)


def test_where_nothing_repeats_repeats_are_ruled_out() -> None:
    random = np.random.default_rng(2)
    lists = [(1 + random.permutation(NUM_ITEMS)[:5]).tolist() for _ in range(200)]
    known, targets = held_out(Histories.from_lists(lists))
    model = model_with(ItemCounts.from_histories(known, NUM_ITEMS, num_neighbours=6))
    weights = fit_count_weights(model, known, targets).weights
    assert -20 < weights["repeated"] + weights["age_of_repeated"] < -2


@pytest.mark.parametrize(
    ("targets", "message"),
    [([0, 0], "no user has both"), ([1], "one entry a user"), ([1, -1], "must be ids of items")],
)
def test_targets_that_teach_nothing_are_refused(targets: list[int], message: str) -> None:
    model = model_with(ItemCounts(NUM_ITEMS))
    with pytest.raises(ValueError, match=message):
        fit_count_weights(model, Histories.from_lists([[1], [2]]), np.array(targets))


def test_a_model_without_counts_has_no_weights_to_learn() -> None:
    with pytest.raises(ValueError, match="model has no counts"):
        fit_count_weights(model_with(None), Histories.from_lists([[1]]), np.array([2]))


def test_a_warm_start_takes_the_weights_and_leaves_the_tables() -> None:
    previous, model = (
        model_with(ItemCounts.from_histories(histories, NUM_ITEMS, num_neighbours=6))
        for histories in (followed(), followed(repeats=True))
    )
    assert previous.counts and model.counts
    previous.counts.feature_weights.assign([1, 2, 3, 4, 5, 6])
    table = keras.ops.convert_to_numpy(model.counts.followers.neighbours)
    for one in (previous, model):
        one.compile()
    names = [f"item {i}" for i in range(NUM_ITEMS)]
    assert warm_start(model, previous, names, names) == NUM_ITEMS
    assert model.counts.feature_weights.numpy().tolist() == [1, 2, 3, 4, 5, 6]
    np.testing.assert_array_equal(model.counts.followers.neighbours, table)
    previous.counts.encoder_scores_repeats = True  # of an earlier version
    model.counts.feature_weights.assign([0] * 6)
    assert warm_start(model, previous, names, names) == NUM_ITEMS
    assert model.counts.feature_weights.numpy().tolist() == [0] * 6
    without = model_with(None)
    without.compile()
    assert warm_start(without, previous, names, names) == NUM_ITEMS


def featured(num_cold: int) -> tuple[NextItemModel, ItemCounts]:
    counts = ItemCounts.from_histories(followed(), NUM_ITEMS, num_neighbours=6, num_cold=num_cold)
    kinds = ItemCategories.from_lists([[str(item % 3)] for item in range(NUM_ITEMS)])
    keras.utils.set_random_seed(1)
    return NextItemModel(
        PostNormSASRec(NUM_ITEMS, dim=8, num_layers=1),
        counts=counts,
        item_features=ItemFeatures({"kind": kinds}, {}, num_cold),
    ), counts


def test_cold_items_are_as_likely_as_held_out_items_are_cold() -> None:
    model, counts = featured(num_cold=2)
    known, targets = held_out(followed())
    targets[: len(targets) // 3] = NUM_ITEMS
    found = fit_count_weights(model, known, targets)
    assert found.weights["cold"] > 0.5
    history = tf.ragged.constant([known[u].tolist() for u in range(len(known))]).to_tensor()
    likely = tf.nn.softmax(model(history)[:, 1:]).numpy()
    expected = np.mean(targets > NUM_ITEMS - 2)
    # The base has a weight of its own in what is learned, which the scores leave out.
    assert likely[:, -2:].sum(axis=1).mean() == pytest.approx(expected, abs=0.1)


def test_where_no_held_out_item_is_cold_nothing_is_learned_of_them() -> None:
    model, counts = featured(num_cold=2)
    known, targets = held_out(followed())
    targets = np.where(targets > NUM_ITEMS - 2, 1, targets)
    counts.feature_weights.assign([0, 0, 0, 0, 0, 0, 3.0])  # of an earlier training
    assert fit_count_weights(model, known, targets).weights["cold"] == 0


def test_cold_items_of_counts_and_of_the_model_are_the_same(tmp_path: Path) -> None:
    model, counts = featured(num_cold=2)
    counts.feature_weights.assign([0.1, 0.2, 0.4, -1.0, 0.3, 0.5, 2.0])
    without, _ = featured(num_cold=0)
    with pytest.raises(ValueError, match="counts has num_cold=2, but item_features 0: give Item"):
        NextItemModel(
            PostNormSASRec(NUM_ITEMS, dim=8),
            counts=counts,
            item_features=ItemFeatures({"x": ItemCategories.from_lists([[]] * NUM_ITEMS)}, {}),
        )
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    history = [[3, 1, NUM_ITEMS], [2, 0, 0]]
    np.testing.assert_array_equal(again(history), model(history))
    assert again.counts.get_config() == counts.get_config()
    assert "num_cold" not in without.counts.get_config()
    joint = counts(tf.constant([[3, 1]]), tf.zeros([1, NUM_ITEMS + 1])).numpy()[0]
    counts.feature_weights.assign([0.1, 0.2, 0.4, -1.0, 0.3, 0.5, 0.0])
    less = counts(tf.constant([[3, 1]]), tf.zeros([1, NUM_ITEMS + 1])).numpy()[0]
    np.testing.assert_allclose(joint - less, [0] * (NUM_ITEMS - 1) + [2, 2], atol=1e-5)
    sums = tf.tensordot(
        tf.constant([0.1, 0.2, 0.4, -1.0, 0.3, 0.5, 2.0]), counts.features(tf.constant([[3, 1]])), 1
    )
    base = counts.base(tf.constant([[3, 1]]), tf.zeros([1, NUM_ITEMS + 1]))
    np.testing.assert_allclose(joint, (base + sums)[0], atol=1e-5)
