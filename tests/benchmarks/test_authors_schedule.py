"""The slow side of the comparison computes the same as ours, only more of it."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from benchmarks.authors_schedule import AuthorsMCLRec, PlainSASRec, authors_batches
from mclrec_tf import MCLRec, PostNormSASRec
from mclrec_tf.data.histories import Histories, leave_one_out
from mclrec_tf.data.interactions import load_interactions
from mclrec_tf.layers.padded_history import lengths_of
from mclrec_tf.layers.views import View
from mclrec_tf.training.update_rules import Batch
from tests.mclrec_tf.models.golden import by_name, encoder_assignments

ITEMS, DIM, HEADS, WIDTH = 30, 16, 2, 50


def copy_weights(ours: PostNormSASRec, plain: PlainSASRec) -> None:
    """Gives the plain encoder our encoder's weights, by the authors' names for them."""
    weights = by_name(encoder_assignments(ours))
    plain.item_embedding.table.assign(weights["item_embedding"])
    plain.position_embedding.embeddings.assign(weights["position_embedding"])
    norms = {"input_ln": plain.input_norm}
    dense = {}
    for index, block in enumerate(plain.blocks):
        layer, attention = f"layer{index}", block.attention
        dense[f"{layer}.attn.q"] = attention.query_dense
        dense[f"{layer}.attn.k"] = attention.key_dense
        dense[f"{layer}.attn.v"] = attention.value_dense
        dense[f"{layer}.attn.dense"] = attention.output_dense
        dense[f"{layer}.ffn.dense1"] = block.expand
        dense[f"{layer}.ffn.dense2"] = block.contract
        norms[f"{layer}.attn.ln"] = block.attention_norm
        norms[f"{layer}.ffn.ln"] = block.output_norm
    for layers, parts in ((dense, ("kernel", "bias")), (norms, ("gamma", "beta"))):
        for name, layer in layers.items():
            for part in parts:
                variable = getattr(layer, part)
                variable.assign(np.reshape(weights[f"{name}.{part}"], variable.shape))


@pytest.fixture(params=["paper", "reference"])
def models(request: pytest.FixtureRequest) -> tuple[MCLRec, AuthorsMCLRec]:
    """Ours and theirs with the same weights, without dropout."""
    keras.utils.set_random_seed(0)
    arguments = {"preset": request.param, "lambda_": 0.2, "beta": 0.3}
    shape = {"num_layers": 2, "num_heads": HEADS, "dropout": 0.0}
    ours = MCLRec(PostNormSASRec(ITEMS, DIM, WIDTH, **shape), **arguments)
    authors = AuthorsMCLRec(PlainSASRec(ITEMS, DIM, WIDTH, **shape), **arguments)
    random = np.random.default_rng(0)
    for weight in ours.encoder_weights:
        weight.assign(weight + random.normal(0, 0.2, weight.shape))
    copy_weights(ours.encoder, authors.encoder)
    for mine, other in zip(ours.augmenters, authors.augmenters, strict=True):
        other.set_weights(mine.get_weights())
    for model in (ours, authors):
        model.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    return ours, authors


def batch() -> Batch:
    random = np.random.default_rng(1)
    lists = [random.integers(1, ITEMS + 1, n).tolist() for n in (2, 7, 30, 51)]
    history, targets = next(iter(authors_batches(Histories.from_lists(lists), 64, WIDTH)))
    lengths = lengths_of(history)
    hidden = tf.where(tf.range(WIDTH) % 3 == 1, 0, history)  # the authors' mask, the padding id
    half = tf.maximum(lengths // 2, 1)
    cropped = tf.where(tf.range(WIDTH) < half[:, None], history, 0)
    return Batch(history, targets, (View(hidden, lengths), View(cropped, half)))


def test_plain_encoder_gives_the_outputs_of_ours(models: tuple[MCLRec, AuthorsMCLRec]) -> None:
    ours, authors = models
    for view in (View(batch().history, lengths_of(batch().history)), *batch().views):
        mine = ours.encoder(view.ids, view.lengths, last_only=True)
        theirs = authors.encoder(view.ids, view.lengths, last_only=True)
        np.testing.assert_allclose(theirs, mine, rtol=1e-4, atol=1e-5)


def test_losses_and_gradients_are_those_of_ours(models: tuple[MCLRec, AuthorsMCLRec]) -> None:
    ours, authors = models
    history, targets, views = batch()
    with tf.GradientTape() as tape:
        mine = ours.encoder_losses(batch()).terms
    my_gradient = tape.gradient(mine["loss"], ours.encoder.item_embedding.table.value)
    with tf.GradientTape() as tape:
        theirs = authors.authors_losses(
            history, lengths_of(history), tf.reduce_max(targets, axis=1), views
        )
    their_gradient = tape.gradient(theirs["loss"], authors.encoder.item_embedding.table.value)
    assert set(mine) == set(theirs)
    for name in mine:
        np.testing.assert_allclose(theirs[name], mine[name], rtol=1e-5, err_msg=name)
    np.testing.assert_allclose(
        tf.convert_to_tensor(their_gradient),
        tf.convert_to_tensor(my_gradient),
        rtol=1e-3,
        atol=1e-5,
    )


@pytest.mark.parametrize("models", ["reference"], indirect=True)
def test_three_steps_leave_the_weights_that_ours_leave(
    models: tuple[MCLRec, AuthorsMCLRec], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, authors = models
    history, targets, views = batch()
    for model in models:
        monkeypatch.setattr(model, "stochastic_views", lambda _: views)
        model.train_step((history, targets))
    np.testing.assert_allclose(
        authors.encoder.item_embedding.table,
        ours.encoder.item_embedding.table,
        rtol=1e-3,
        atol=1e-5,
    )
    for mine, theirs in zip(ours.augmenter_weights, authors.augmenter_weights, strict=True):
        np.testing.assert_allclose(theirs, mine, rtol=1e-3, atol=1e-5)


def test_the_discarded_gradient_is_computed() -> None:
    """TensorFlow prunes what nobody asks for; here it must not."""
    keras.utils.set_random_seed(0)
    model = AuthorsMCLRec(PlainSASRec(ITEMS, DIM, WIDTH, num_layers=1))
    model.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    _, _, views = batch()
    encode = tf.function(lambda: model.view_vectors(views)).get_concrete_function()
    step = tf.function(lambda: model._step_phi(views)).get_concrete_function()
    outputs = [tensor.op.name for tensor in tf.nest.flatten(encode.outputs)]
    updates = [op.name for op in step.graph.get_operations() if op.type.startswith("Assign")]
    # Backward there are two matrix products for each of the forward pass.
    assert matrix_products(step.graph, updates) > 2.5 * matrix_products(encode.graph, outputs)


def matrix_products(graph: tf.Graph, wanted: list[str]) -> int:
    """Matrix products that some operations depend on."""
    found: set[tf.Operation] = set()
    todo = [graph.get_operation_by_name(name) for name in wanted]
    while todo:
        operation = todo.pop()
        if operation not in found:
            found.add(operation)
            todo += [tensor.op for tensor in operation.inputs] + list(operation.control_inputs)
    kinds = ("MatMul", "BatchMatMulV2", "Einsum")
    return sum(operation.type in kinds for operation in found)


def test_batches_hold_every_prefix_once() -> None:
    random = np.random.default_rng(0)
    lists = [random.integers(1, 99, length).tolist() for length in (1, 2, 5, 60, 51)]
    batches = list(authors_batches(Histories.from_lists(lists), 16, WIDTH, seed=4))
    assert [len(history) for history, _ in batches[:-1]] == [16] * (len(batches) - 1)
    found = []
    for history, targets in batches:
        assert history.shape[1] == targets.shape[1] == WIDTH
        for row, target in zip(history.numpy(), targets.numpy(), strict=True):
            (asked,) = np.flatnonzero(target)
            assert not row[asked + 1 :].any() and row[: asked + 1].all()
            found.append((*row[: asked + 1].tolist(), int(target[asked])))
    expected = [
        (*items[max(end - WIDTH, 0) : end], items[end])
        for items in lists
        for end in range(1, len(items))
    ]
    assert sorted(found) == sorted(expected)


def test_batches_are_shuffled_anew_each_pass_and_alike_for_a_seed() -> None:
    histories = Histories.from_lists([list(range(1, 40))])
    dataset = authors_batches(histories, 8, WIDTH, seed=1)
    first, second = ([h.numpy().tolist() for h, _ in dataset] for _ in range(2))
    assert first != second
    again = [h.numpy().tolist() for h, _ in authors_batches(histories, 8, WIDTH, seed=1)]
    assert again == first


def test_beauty_has_514_batches(shared_dir: Path) -> None:
    histories = load_interactions(str(shared_dir / "data" / "beauty.txt.gz")).histories
    batches = authors_batches(leave_one_out(histories).train)
    assert int(batches.cardinality()) == 514
    assert sum(1 for _ in batches) == 514
