"""What is given to the model works in every form that a Keras user has it in, or is refused."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from mclrec_tf import MCLRec
from mclrec_tf.data.batches import training_batches
from mclrec_tf.models.inputs import checked_history, evaluation_rows, training_rows
from tests.mclrec_tf.ring import HISTORY, ITEMS, TARGETS, make_model, ring_walks

EAGER = {"run_eagerly": True}
LISTS = [[5, 6, 7], [], [1, 2, 3, 4, 5]]
PADDED = np.array([[5, 6, 7, 0, 0], [0] * 5, [1, 2, 3, 4, 5]], np.int32)


@pytest.fixture(scope="module")
def model() -> MCLRec:
    return make_model(compile_arguments=EAGER)


FORMS = {
    "int8": PADDED.astype(np.int8),
    "uint16": PADDED.astype(np.uint16),
    "int64": PADDED.astype(np.int64),
    "uint64": PADDED.astype(np.uint64),
    "lists": PADDED.tolist(),
    "lists of unlike length": LISTS,
    "ragged": tf.ragged.constant(LISTS),
    "ragged int64": tf.ragged.constant(LISTS, tf.int64),
    "left-padded": keras.utils.pad_sequences(LISTS),
    "zeros in the middle": np.array([[5, 0, 6, 0, 7], [0] * 5, [1, 2, 3, 4, 5]]),
    "wider": np.pad(PADDED, [[0, 0], [3, 60]]),
}


@pytest.mark.parametrize("form", FORMS)
def test_histories_have_the_same_scores_in_every_form(model: MCLRec, form: str) -> None:
    right = model.predict(PADDED, verbose=0)
    np.testing.assert_allclose(model.predict(FORMS[form], verbose=0), right, atol=1e-6)
    np.testing.assert_allclose(model.predict_on_batch(FORMS[form]), right, atol=1e-6)
    np.testing.assert_allclose(model(FORMS[form]), right, atol=1e-6)
    np.testing.assert_allclose(
        model.user_vectors(FORMS[form]), model.user_vectors(PADDED), atol=1e-6
    )


@pytest.mark.parametrize("form", FORMS)
def test_evaluation_is_the_same_in_every_form(model: MCLRec, form: str) -> None:
    right = model.evaluate(PADDED, np.array([8, 1, 6]), verbose=0)
    assert model.evaluate(FORMS[form], [[8], [1], [6]], verbose=0) == pytest.approx(right)
    assert model.test_on_batch(FORMS[form], [8, 1, 6]) == pytest.approx(right)


def test_long_histories_of_64_bits(model: MCLRec) -> None:
    long = np.tile(np.arange(1, 11), (2, 7))
    assert long.dtype == np.int64 and long.shape[1] > 50
    np.testing.assert_allclose(
        model.predict(long, verbose=0), model.predict(long[:, -10:], verbose=0), atol=1e-6
    )


def losses(x: Any, y: Any = None, lambda_: float = 0.1) -> list[float]:
    model = make_model(compile_arguments=EAGER, dropout=0.0, lambda_=lambda_, beta=0.0)
    return model.fit(x, y, epochs=2, verbose=0, shuffle=False).history["rec_loss"]


@pytest.fixture(scope="module")
def losses_of_arrays() -> list[float]:
    return losses(np.array(HISTORY), np.array(TARGETS))


HISTORY_LISTS, TARGET_LISTS = (
    [[item for item in row if item] for row in rows] for rows in (HISTORY, TARGETS)
)
TRAINING_FORMS = {
    "padded lists": (HISTORY, TARGETS),
    "lists of unlike length": (HISTORY_LISTS, TARGET_LISTS),
    "ragged": (tf.ragged.constant(HISTORY_LISTS), tf.ragged.constant(TARGET_LISTS, tf.int64)),
    "left-padded": tuple(map(keras.utils.pad_sequences, (HISTORY_LISTS, TARGET_LISTS))),
    "other integers": (np.array(HISTORY, np.uint8), np.array(TARGETS, np.int64)),
    "ragged dataset": (
        tf.data.Dataset.from_tensors((tf.ragged.constant(HISTORY_LISTS), np.array(TARGETS))),
    ),
}


@pytest.mark.parametrize("form", TRAINING_FORMS)
def test_training_is_the_same_in_every_form(losses_of_arrays: list[float], form: str) -> None:
    assert losses(*TRAINING_FORMS[form]) == pytest.approx(losses_of_arrays, rel=1e-4)


def test_one_target_a_history_is_the_one_after_its_last_item() -> None:
    last = np.array([7, 11, 6, 1])
    at_last = np.where(np.array(TARGETS) == last[:, None], TARGETS, 0)
    right = losses(HISTORY, at_last, lambda_=0.0)
    assert losses(HISTORY, last, lambda_=0.0) == pytest.approx(right, rel=1e-4)
    same = np.fliplr(HISTORY)[:, ::-1]
    assert losses(same, last[:, None], lambda_=0.0) == pytest.approx(right, rel=1e-4)
    long = np.pad(HISTORY, [[0, 0], [8, 0]], constant_values=12)
    long = np.concatenate([long[:1], long[:1]])
    assert training_rows(long, [7, 7], ITEMS, 10)[0].shape == (2, 10)


def test_targets_of_training_can_be_evaluated(model: MCLRec) -> None:
    """The last of them is ranked, after the history up to it; a row without any is left out."""
    history = np.array([[1, 2, 3, 4], [0, 5, 6, 0], [7, 8, 0, 0]])
    targets = np.array([[0, 0, 9, 0], [0, 6, 10, 0], [0, 0, 0, 0]])
    found = model.evaluate(history, targets, verbose=0)
    expected = model.evaluate([[1, 2, 3], [5, 6]], [9, 10], verbose=0)
    assert found == pytest.approx(expected)


def test_validation_split(model: MCLRec) -> None:
    history = model.fit(HISTORY * 5, TARGETS * 5, validation_split=0.25, verbose=0).history
    expected = model.evaluate(HISTORY * 2, TARGETS * 2, verbose=0, return_dict=True)
    assert history["val_all_items_mrr_at_10"] == [
        pytest.approx(
            model.evaluate((HISTORY * 5)[15:], (TARGETS * 5)[15:], verbose=0, return_dict=True)[
                "all_items_mrr_at_10"
            ]
        )
    ]
    assert expected.keys() == {name.removeprefix("val_") for name in history if "val_" in name}


def test_weights_of_users_count_in_evaluation(model: MCLRec) -> None:
    history, target = np.array(HISTORY), np.array([7, 11, 6, 1])
    some = model.evaluate(history, target, sample_weight=np.array([1, 0, 0, 3]), verbose=0)
    repeated = model.evaluate(history[[0, 3, 3, 3]], target[[0, 3, 3, 3]], verbose=0)
    assert some == pytest.approx(repeated)
    with pytest.raises(ValueError, match="sample_weight must have the shape"):
        model.evaluate(history, target, sample_weight=np.ones((4, 6)), verbose=0)


def rows(*arrays: Any) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensors(tuple(arrays))


CALLS: dict[str, Callable[[MCLRec, Any], Any]] = {
    "call": lambda model, x: model(x),
    "user_vectors": lambda model, x: model.user_vectors(x),
    "learned_views": lambda model, x: model.learned_views(x),
    "rank": lambda model, x: model.rank(x, [1]),
    "predict": lambda model, x: model.predict(x, verbose=0),
    "predict_on_batch": lambda model, x: model.predict_on_batch(x),
    "predict, dataset": lambda model, x: model.predict(rows(x), verbose=0),
    "evaluate": lambda model, x: model.evaluate(x, [1], verbose=0),
    "evaluate, dataset": lambda model, x: model.evaluate(rows(x, [1]), verbose=0),
    "test_on_batch": lambda model, x: model.test_on_batch(x, [1]),
    "fit": lambda model, x: model.fit(x, [1], verbose=0),
    "fit, dataset": lambda model, x: model.fit(rows(x, [1]), verbose=0),
    "fit, validation": lambda model, x: model.fit(
        HISTORY, TARGETS, validation_data=(x, [1]), verbose=0
    ),
    "train_on_batch": lambda model, x: model.train_on_batch(x, [1]),
}
BAD_HISTORIES = {
    "negative": (np.array([[1, -2, 3]]), "history must hold ids .* got -2"),
    "too large": (np.array([[1, ITEMS + 1, 3]]), f"history must hold ids .* got {ITEMS + 1}"),
    "too large for 32 bits": (
        np.array([[1, 2**32 + 1]]),
        f"history must hold ids .* got {2**32 + 1}",
    ),
    "float": (np.array([[1.0, 2.0]]), "history must be integer ids of items, got float"),
    "bool": (np.array([[True]]), "history must be integer ids of items, got bool"),
    "names": (np.array([["a", "b"]]), "history must be integer ids of items, got string"),
    "without batch": (np.array([1, 2, 3]), r"history must have the shape \[B, L\]"),
    "three dimensions": (np.ones((1, 2, 3), int), r"history must have the shape \[B, L\]"),
}


@pytest.mark.parametrize(
    ("bad", "call"),
    [(bad, call) for bad in BAD_HISTORIES for call in ("call", "evaluate, dataset", "fit")]
    + [("negative", call) for call in CALLS]
    + [("too large", call) for call in CALLS],
)
def test_bad_histories_are_refused_by_name(model: MCLRec, bad: str, call: str) -> None:
    value, message = BAD_HISTORIES[bad]
    before = [weight.numpy() for weight in model.weights]
    with pytest.raises(ValueError, match=message):
        CALLS[call](model, value)
    for weight, old in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight, old)


BAD_TARGETS = {
    "negative": ([[1, 2]], [[3, -1]], "targets must hold ids .* got -1"),
    "too large": ([[1, 2]], [[3, ITEMS + 1]], f"targets must hold ids .* got {ITEMS + 1}"),
    "float": ([[1, 2]], [[3.0, 1.0]], "targets must be integer ids"),
    "other width": ([[1, 2]], [[3, 4, 5]], "targets must have the shape"),
    "other users": ([[1, 2]], [3, 4], "targets must have the shape"),
    "none": ([[1, 2]], None, "targets must be an array of integer ids, got NoneType"),
    "three dimensions": ([[1, 2]], [[[1], [2]]], r"targets must have the shape \[B\] or \[B, L\]"),
}


@pytest.mark.parametrize("bad", BAD_TARGETS)
def test_bad_targets_are_refused_by_name(model: MCLRec, bad: str) -> None:
    history, targets, message = BAD_TARGETS[bad]
    for use in (model.fit, model.evaluate, model.train_on_batch, model.test_on_batch):
        with pytest.raises(ValueError, match=message):
            use(history, targets)


def test_targets_without_an_item_to_predict_from(model: MCLRec) -> None:
    for history, targets in (
        (keras.utils.pad_sequences([[1, 2], [3]]), [[2, 3], [4, 0]]),  # padded on unlike sides
        ([[1, 2], [0, 0]], [3, 4]),
    ):
        with pytest.raises(ValueError, match="targets must be 0 where the history has no item"):
            model.fit(history, targets, verbose=0)


def batch(history: Any, targets: Any) -> tf.data.Dataset:
    """Which comes from a generator, so that nobody knows its shape before."""
    spec = (tf.TensorSpec([None, None], tf.int64), tf.TensorSpec([None, None], tf.int64))
    return tf.data.Dataset.from_generator(lambda: iter([(history, targets)]), output_signature=spec)


@pytest.fixture(scope="module")
def in_graphs() -> MCLRec:
    """An encoder alone: its graphs are made sooner than those of the contrast."""
    return make_model(lambda_=0.0, beta=0.0)


def test_graphs_name_what_training_refuses(in_graphs: MCLRec) -> None:
    """Batches of a dataset are looked at as they come, and those refused change no weight."""
    model = in_graphs
    model.fit(batch(HISTORY, TARGETS), verbose=0)
    before = [weight.numpy() for weight in model.weights]
    for history, targets, message in (
        ([[1, -2]], [[2, 3]], "^history must hold ids .* got -2.$"),
        ([[1, 2]], [[2, 2**40]], f"^targets must hold ids .* got {2**40}.$"),
        ([[1] * 11], [[1] * 11], "^history must hold at most max_length=10 .* got 11.$"),
        ([[1, 2]], [[1, 2, 3]], "^targets must have the shape .* got 1 3.$"),
        ([[0, 1]], [[2, 0]], "^targets must be 0 where .* 1.$"),
    ):
        with pytest.raises(ValueError, match=message):
            model.fit(batch(history, targets), verbose=0)
    for weight, old in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight, old)
    # Padded on the left, and wider than the encoder reads: moved and cut within the graph.
    wide = np.pad(HISTORY, [[0, 0], [9, 0]]), np.pad(TARGETS, [[0, 0], [9, 0]])
    model.fit(batch(*wide), verbose=0)


def test_graphs_name_what_prediction_and_evaluation_refuse(in_graphs: MCLRec) -> None:
    model = in_graphs
    before = [weight.numpy() for weight in model.weights]
    for history in ([[ITEMS + 1]], [[-1]]):
        with pytest.raises(ValueError, match="^history must hold ids"):
            model.predict(batch(history, [[1]]), verbose=0)
        with pytest.raises(ValueError, match="^history must hold ids"):
            model.evaluate(batch(history, [[1]]), verbose=0)
    for weight, old in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight, old)


def test_weights_in_training_are_refused_by_name(model: MCLRec) -> None:
    for arguments in ({"sample_weight": np.ones(4)}, {"class_weight": {0: 1.0}}):
        (name,) = arguments
        with pytest.raises(ValueError, match=f"{name} must be left out"):
            model.fit(HISTORY, TARGETS, verbose=0, **arguments)
        with pytest.raises(ValueError, match=f"{name} must be left out"):
            model.train_on_batch(HISTORY, TARGETS, **arguments)
    with pytest.raises(ValueError, match="sample_weight must be left out"):
        model.fit(rows(HISTORY, TARGETS, [1.0] * 4), verbose=0)


def test_batches_of_training_pass_through_unchanged() -> None:
    for history, targets in training_batches(ring_walks(20), 10, 40):
        found = training_rows(history, targets, ITEMS, 10)
        np.testing.assert_array_equal(found[0], history)
        np.testing.assert_array_equal(found[1], targets)


@given(st.lists(st.lists(st.integers(0, ITEMS), min_size=6, max_size=6), min_size=1, max_size=4))
@settings(max_examples=30)
def test_zeros_are_no_items_wherever_they_stand(lists: list[list[int]]) -> None:
    history = checked_history(np.array(lists), ITEMS).numpy()
    assert [[i for i in row if i] for row in lists] == [[i for i in r if i] for r in history]
    assert not ((history[:, :-1] == 0) & (history[:, 1:] > 0)).any()
    targets = np.where(np.array(lists) > 0, np.array(lists) % ITEMS + 1, 0)
    moved = training_rows(lists, targets, ITEMS, 6)[1].numpy()
    np.testing.assert_array_equal(moved, np.where(history > 0, history % ITEMS + 1, 0))
    rows = evaluation_rows(lists, targets, ITEMS)
    np.testing.assert_array_equal(rows.history, history)
    np.testing.assert_array_equal(rows.has_target, history.any(axis=1))
