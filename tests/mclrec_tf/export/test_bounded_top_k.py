"""The best items found by bounds are those of the product with the whole table."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from mclrec_tf import BSARec, EncoderEnsemble, ItemCounts, NextItemModel, SASRec
from mclrec_tf.data.histories import Histories
from mclrec_tf.evaluation.ranks import seen_items
from mclrec_tf.export import bounded_search, bounded_top_k
from mclrec_tf.export.balanced_directions import balanced_directions, quickest_count
from mclrec_tf.export.bounded_top_k import BoundedTopK
from mclrec_tf.export.saved_model import export_savedmodel
from mclrec_tf.export.score_bounds import GROUP, OUT, ScoreBounds
from mclrec_tf.models.sequential_recommender import SequentialRecommender

ITEMS, DIM = 3_001, 24
Rows = list[list[int]]


def model_of(rank: int, counts: bool = False, members: int = 1, num_cold: int = 0) -> NextItemModel:
    """A model whose scores lie mostly in a few directions."""
    random = np.random.default_rng(rank)
    keras.utils.set_random_seed(rank)
    encoders = [SASRec(ITEMS, dim=DIM, max_length=6, num_layers=1) for _ in range(members)]
    own = None
    if counts:
        lists = random.integers(1, ITEMS - num_cold + 1, (4_000, 7)).tolist()
        own = ItemCounts.from_histories(Histories.from_lists(lists), ITEMS, 5, num_cold=num_cold)
        weights = [0.2, 0.3, 0.5, -1.0, 0.4, 0.7, -0.3]
        own.feature_weights.assign(weights[: len(own.feature_names)])
    model = NextItemModel(encoders[0] if members == 1 else EncoderEnsemble(encoders), counts=own)
    width = DIM * members
    falling = np.where(np.arange(width) < rank, 1.0, 0.003)
    basis = np.linalg.qr(random.normal(size=(width, width)))[0]
    items = model.encoder.item_embedding.table
    items.assign(random.normal(size=items.shape) * falling @ basis)
    return model


def by_bounds(model: SequentialRecommender, count: int | None = None) -> BoundedTopK:
    """With so many directions, or as many as are enough."""
    if count is None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bounded_top_k, "FEWEST_NUMBERS", 1)
            found = BoundedTopK.of(model, 10)
        assert found is not None
        return found
    items = model.item_vectors().numpy()
    directions = balanced_directions(items[1:], items[1:])
    added = np.zeros(len(items), np.float32)
    return BoundedTopK(model, ScoreBounds(items, added, directions, count))


def of_all(
    model: SequentialRecommender, history: tf.Tensor, left_out: tf.Tensor, k: int, among: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    out = seen_items(left_out, model.num_items)
    if among is not None:
        out |= ~among
    return tf.math.top_k(tf.where(out, OUT, model.scores(history)), k)


def compare(
    model: SequentialRecommender,
    bounded: BoundedTopK,
    rows: Rows,
    k: int,
    left_out: Rows | None = None,
    among: np.ndarray | None = None,
    keep_seen: bool = False,
) -> bool:
    """Whether they were found; if so, they must be those of the whole product."""
    history = tf.ragged.constant([*rows, []], tf.int32).to_tensor(shape=[None, 10])
    out = history
    if left_out is not None:
        out = tf.ragged.constant([*left_out, [0]], tf.int32).to_tensor()
    allowed = None if among is None else tf.constant(among)
    expected = of_all(model, history, out, k, allowed)
    best = bounded(
        history, model.user_vectors(history), out, tf.constant(k), tf.constant(keep_seen), allowed
    )
    if not best.found:
        return False
    np.testing.assert_allclose(best.scores, expected[0], rtol=1e-5, atol=1e-5)
    # The same items, but for two whose scores are the same up to rounding.
    differ = (best.ids.numpy() != expected[1].numpy()) & (expected[0].numpy() > OUT)
    for row, place in np.argwhere(differ):
        of_row = np.append(np.delete(expected[0][row], place), best.scores[row, -1])
        assert np.isclose(of_row, expected[0][row, place], rtol=1e-5, atol=1e-5).any()
    return True


HISTORIES = [[5, 1999, 3], [7] * 9, [3001], [1, 2, 3, 4, 5, 6, 7, 8]]


@pytest.mark.parametrize("k", [1, 10, 100])
@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("counts", [False, True])
def test_they_are_the_best_of_all(k: int, members: int, counts: bool) -> None:
    model = model_of(4, counts, members)
    assert compare(model, by_bounds(model), HISTORIES, k)


def test_what_is_added_to_cold_items_is_in_the_bounds() -> None:
    model = model_of(4, counts=True, num_cold=40)
    model.counts.feature_weights[-1].assign(40.0)
    bounded = by_bounds(model)
    assert compare(model, bounded, HISTORIES, 50)
    history = tf.constant([[5, 9, 3]])
    best = bounded(
        history, model.user_vectors(history), history, tf.constant(40), tf.constant(False)
    )
    assert (best.ids.numpy() > ITEMS - 40).all()


def test_repeated_items_are_found_where_nothing_is_counted() -> None:
    nothing: Rows = [[] for _ in HISTORIES]
    for counts in (False, True):
        model = model_of(4, counts)
        found = compare(model, by_bounds(model), HISTORIES, 10, nothing, keep_seen=True)
        assert found == (not counts)


def test_counts_that_were_not_learned_add_nothing() -> None:
    model = model_of(4, counts=True)
    model.counts.feature_weights.assign(tf.zeros(6))
    assert compare(model, by_bounds(model), HISTORIES, 10)


SHARED: dict[bool, tuple[NextItemModel, BoundedTopK]] = {}


@given(data=st.data())
@settings_of_hypothesis(max_examples=40)
def test_with_any_items_left_out_or_allowed(data: st.DataObject) -> None:
    counts = data.draw(st.booleans())
    if counts not in SHARED:
        SHARED[counts] = (model := model_of(4, counts), by_bounds(model))
    model, bounded = SHARED[counts]
    item = st.integers(1, ITEMS)
    rows = data.draw(st.lists(st.lists(item, max_size=9), max_size=4))
    more = data.draw(st.lists(item, max_size=300))
    k = data.draw(st.sampled_from([1, 2, 7, 65, 1500, ITEMS]))
    among = None
    if data.draw(st.booleans()):
        share = data.draw(st.sampled_from([0, 0.001, 0.3, 1]))
        seed = data.draw(st.integers(0, 9))
        among = np.random.default_rng(seed).random((len(rows) + 1, ITEMS + 1)) < share
    left_out = [row + more for row in rows]

    compare(model, bounded, rows, k, left_out, among)


def test_of_equal_items_the_lower_id_comes_first() -> None:
    model = model_of(4)
    table = model.encoder.item_embedding.table
    table.assign(tf.gather(table, tf.range(table.shape[0]) // 3))
    bounded = by_bounds(model)
    history = tf.constant([[5, 1999, 3], [8, 0, 0]])
    items = bounded(
        history, model.user_vectors(history), history, tf.constant(50), tf.constant(False)
    ).ids
    expected = of_all(model, history, history, 50, None)[1]
    assert items.numpy().tolist() == expected.numpy().tolist()


def test_no_history_at_all() -> None:
    model, nothing = model_of(4), tf.zeros([0, 4], tf.int32)
    for k in (0, 5):
        vectors = model.user_vectors(nothing)
        best = by_bounds(model)(nothing, vectors, nothing, tf.constant(k), tf.constant(False))
        assert best.found and best.scores.shape == best.ids.shape == (0, k)


def test_where_too_many_may_be_the_best_nothing_is_found() -> None:
    flat = model_of(DIM)
    assert not compare(flat, by_bounds(flat, 8), HISTORIES, 10)
    assert not compare(model_of(4), by_bounds(model_of(4)), HISTORIES, 2_000)


def test_scores_made_in_parts_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_search, "_SCORED_AT_ONCE", 17)
    model = model_of(4, counts=True)
    assert compare(model, by_bounds(model), HISTORIES, 50)


def test_small_catalogues_and_classes_of_others_have_none() -> None:
    class Other(NextItemModel):
        def scores(self, history: tf.Tensor, training: bool | None = None) -> tf.Tensor:
            return -super().scores(history, training)

    assert BoundedTopK.of(model_of(4), 10) is None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounded_top_k, "FEWEST_NUMBERS", 1)
        assert BoundedTopK.of(Other(BSARec(100)), 10) is None


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
@pytest.mark.parametrize("rank", [2, 8, DIM])
@pytest.mark.parametrize("count", [1, 8, DIM - 1, DIM])
def test_bounds_are_never_below_the_scores(scale: float, rank: int, count: int) -> None:
    random = np.random.default_rng(count)
    falling = np.where(np.arange(DIM) < rank, 1.0, 1e-3)
    items = (scale * random.normal(size=(700, DIM)) * falling).astype(np.float32)
    items[300:310] = items[5]
    items[400] = 0
    queries = random.normal(size=(50, DIM)).astype(np.float32) * falling[::-1].astype(np.float32)
    queries[:3] = 0
    directions = balanced_directions(items, queries)
    added = random.normal(size=700).astype(np.float32)
    bounds = ScoreBounds(items, added, directions, count)
    is_empty = np.arange(50) == 0
    found = bounds(tf.constant(queries), tf.constant(is_empty)).numpy()
    assert found.shape == (50, -(-700 // GROUP) * GROUP)
    assert (found[:, 0] == OUT).all() and (found[:, 700:] == OUT).all()
    scores = tf.matmul(queries, items, transpose_b=True).numpy() + added
    assert (found[1:, 1:700] >= scores[1:, 1:] - 1e-6 * abs(scores[1:, 1:])).all()
    assert np.array_equal(found[0, :700][1:], bounds.popularity(tf.range(1, 700)))


def test_directions_keep_every_inner_product() -> None:
    random = np.random.default_rng(0)
    items, queries = random.normal(size=(500, DIM)), random.normal(size=(90, DIM))
    items[:, 3] = queries[:, 7] = 0
    found = balanced_directions(items, queries)
    of_items, of_queries = items @ found.of_items, queries @ found.of_queries
    np.testing.assert_allclose(of_queries @ of_items.T, queries @ items.T, atol=1e-6)


def test_few_directions_are_enough_for_scores_that_lie_in_few() -> None:
    random = np.random.default_rng(0)
    for rank, least, most in ((3, 8, 8), (14, 16, 16), (DIM, DIM, DIM)):
        falling = np.where(np.arange(DIM) < rank, 1.0, 1e-3)
        items, queries = (random.normal(size=(5_000, DIM)) * falling for _ in range(2))
        found = quickest_count(items, queries, balanced_directions(items, queries), k=10)
        assert least <= found <= most


SETS = {"few": ["i7", "i2000", "i5"], "half": [f"i{item}" for item in range(1, ITEMS, 2)]}
OPTIONS = {
    "exclude": [[""] * 3, ["i1", "i2", "i3"], ["nothing", "i9", ""]],
    "k": [7, 1, 100],
}


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """The signatures of the same model exported with the whole product and with bounds."""
    model, names = model_of(4, counts=True, num_cold=40), [f"i{i}" for i in range(1, ITEMS + 1)]
    folder = tmp_path_factory.mktemp("exports")
    export_savedmodel(model, folder / "product", names, item_sets=SETS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounded_top_k, "FEWEST_NUMBERS", 1)
        export_savedmodel(model, folder / "bounds", names, item_sets=SETS)
    loaded = [tf.saved_model.load(folder / kind) for kind in ("product", "bounds")]
    return loaded[0], loaded[1]


@pytest.mark.parametrize("keep_seen", [[False] * 3, [False, True, False]])
@pytest.mark.parametrize(
    ("signature", "inputs"),
    [
        ("serving_default", {}),
        ("recommend", OPTIONS),
        ("recommend_among", {**OPTIONS, "candidate_set": ["few", "half", ""]}),
        ("recommend_among", {**OPTIONS, "candidate_set": ["half"] * 3}),
    ],
)
def test_an_export_answers_alike(
    exports: tuple[Any, Any], signature: str, inputs: dict[str, Any], keep_seen: list[bool]
) -> None:
    rows = [["i5", "i1999", "i3"], [], ["i7", "?", "i7", "i3001"]]
    asked = {"history": [row + [""] * (50 - len(row)) for row in rows], **inputs}
    if signature != "serving_default":
        asked["keep_seen"] = keep_seen
    if signature == "recommend_among":
        asked["candidates"] = [[""] * 3, ["i8", "i12", ""], ["i40", "i41", "i7"]]
    product, bounds = (
        loaded.signatures[signature](**{name: tf.constant(value) for name, value in asked.items()})
        for loaded in exports
    )
    assert product["item_ids"].numpy().tolist() == bounds["item_ids"].numpy().tolist()
    np.testing.assert_allclose(product["scores"], bounds["scores"], rtol=1e-5)


def test_only_an_export_of_a_large_catalogue_has_bounds(exports: tuple[Any, Any]) -> None:
    """Of the function that answers, and of those it calls, for the stock server has all of them."""
    found = []
    for loaded in exports:
        graph = loaded.signatures["serving_default"].graph.as_graph_def()
        nodes = [node for function in graph.library.function for node in function.node_def]
        found.append({node.op for node in [*graph.node, *nodes]})
    assert "LowerBound" not in found[0] and "LowerBound" in found[1]
