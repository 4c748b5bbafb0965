"""Lists hold the best items in order, and are those of each user."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from mclrec_tf import NextItemModel, SASRec
from mclrec_tf.data.histories import Histories
from mclrec_tf.evaluation.baselines import Popularity, Recency
from mclrec_tf.evaluation.ranks import target_ranks
from mclrec_tf.evaluation.recommended_lists import best_items, recommend_lists, repeats

ITEMS = 8
NAN, LOW = float("nan"), -float("inf")


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from([0.0, 1.0, 2.0, 3.0, NAN, LOW]), min_size=ITEMS + 1, max_size=ITEMS + 1
    ),
    st.lists(st.integers(0, ITEMS), max_size=6),
    st.integers(1, ITEMS + 3),
)
def test_lists_are_sorted_in_plain_python(scores: list[float], history: list[int], k: int) -> None:
    seen = tf.reshape(tf.constant(history, tf.int32), [1, -1])
    found = best_items(tf.constant([scores]), seen, k)
    able = [item for item in range(1, ITEMS + 1) if scores[item] > LOW]
    order = sorted(able, key=lambda item: (-scores[item], item))
    for items, candidates in (
        (found.all_items, order),
        (found.unseen_items, [item for item in order if item not in history]),
    ):
        assert items[0].numpy().tolist() == (candidates + [0] * k)[:k]


def test_the_item_at_a_place_has_that_rank() -> None:
    random = np.random.default_rng(0)
    scores = tf.constant(random.normal(size=(20, 31)), tf.float32)
    history = tf.constant(random.integers(0, 31, (20, 6)), tf.int32)
    lists = best_items(scores, history, 10)
    for place in range(10):
        assert set(target_ranks(scores, lists.all_items[:, place], history).all_items.numpy()) == {
            place + 1
        }
        ranks = target_ranks(scores, lists.unseen_items[:, place], history)
        assert set(ranks.unseen_items.numpy()) == {place + 1}


def test_lists_are_in_the_order_of_users_and_those_of_the_model() -> None:
    random = np.random.default_rng(3)
    rows = [random.integers(1, 31, n).tolist() for n in random.integers(0, 25, 50)]
    model = NextItemModel(SASRec(30, dim=8, max_length=10, num_layers=1))
    lists = recommend_lists(model, Histories.from_lists(rows), k=7, batch_size=16)
    assert lists.all_items.dtype == lists.unseen_items.dtype == np.int32
    for user in (0, 17, 49):
        for keep_seen, items in ((True, lists.all_items), (False, lists.unseen_items)):
            expected = model.recommend([rows[user]], k=7, keep_seen=keep_seen).item_ids[0]
            assert items[user].tolist() == expected.tolist()


def test_of_baselines() -> None:
    histories = Histories.from_lists([[4, 2], []])
    recency = recommend_lists(Recency(5), histories, k=4)
    assert recency.all_items.tolist() == [[2, 4, 1, 3], [1, 2, 3, 4]]
    assert recency.unseen_items.tolist() == [[1, 3, 5, 0], [1, 2, 3, 4]]
    popularity = recommend_lists(Popularity(5), histories, k=4)
    assert np.array_equal(popularity.unseen_items, recency.unseen_items)


def test_no_users_and_bad_numbers() -> None:
    assert recommend_lists(Popularity(5), Histories.from_lists([]), k=3).all_items.shape == (0, 3)
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        recommend_lists(Popularity(5), Histories.from_lists([[1]]), k=0)
    with pytest.raises(ValueError, match="histories: item 6 is not among the 5 that the scorer"):
        recommend_lists(Popularity(5), Histories.from_lists([[1], [6]]))


@pytest.mark.parametrize("columns", [0, 3, 9])
def test_repeats_are_counted_up_to_each_cutoff(columns: int) -> None:
    random = np.random.default_rng(columns)
    items = np.argsort(random.random((12, 30)), axis=1)[:, :25]
    history = random.integers(0, 30, (12, columns))
    found = repeats(tf.constant(items), tf.constant(history)).numpy()
    for user in range(12):
        known = [item in set(history[user]) - {0} for item in items[user]]
        assert found[user].tolist() == [sum(known[:5]), sum(known[:10]), sum(known[:20])]
