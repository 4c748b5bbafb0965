"""Offline ranks: in the order of users, equal to evaluate(), and equal to the authors'."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from mclrec_tf import MCLRec, PostNormSASRec, SASRec
from mclrec_tf.data.batches import evaluation_batches
from mclrec_tf.data.histories import Histories
from mclrec_tf.evaluation.baselines import Popularity, Recency
from mclrec_tf.evaluation.offline import rank_targets, summarize
from mclrec_tf.evaluation.ranks import Ranks
from tests.mclrec_tf.models.golden import assign, encoder_assignments


def test_ranks_are_in_the_order_of_users_and_agree_with_evaluate() -> None:
    random = np.random.default_rng(3)
    rows = [random.integers(1, 31, n).tolist() for n in random.integers(0, 25, 50)]
    histories, targets = Histories.from_lists(rows), random.integers(1, 31, 50).astype(np.int32)
    model = MCLRec(SASRec(30, dim=8, max_length=10, num_layers=1))
    model.compile()
    ranks = rank_targets(model, histories, targets, batch_size=16)
    for user in (0, 17, 49):
        alone = rank_targets(model, Histories.from_lists([rows[user]]), targets[[user]])
        assert alone.all_items[0] == ranks.all_items[user]
        assert alone.unseen_items[0] == ranks.unseen_items[user]
    results = model.evaluate(evaluation_batches(histories, targets), verbose=0, return_dict=True)
    assert results == pytest.approx(summarize(ranks), abs=1e-6)


def test_popularity_ranks_by_id() -> None:
    histories, targets = Histories.from_lists([[1, 3, 3], [4]]), np.array([4, 2], np.int32)
    ranks = rank_targets(Popularity(5), histories, targets)
    assert ranks.all_items.tolist() == [4, 2]
    assert ranks.unseen_items.tolist() == [2, 2]


def test_recency_ranks_the_newest_first_then_by_popularity() -> None:
    histories = Histories.from_lists([[2, 5, 2, 4]] * 5)
    ranks = rank_targets(Recency(6), histories, np.array([4, 2, 5, 1, 3], np.int32))
    assert ranks.all_items.tolist() == [1, 2, 3, 4, 5]
    # What was seen cannot be recommended; of the rest, 1, 3 and 6, the popular come first.
    assert ranks.unseen_items.tolist() == [4, 4, 4, 1, 2]


def test_one_target_a_user() -> None:
    with pytest.raises(ValueError, match="one entry a user, got 1 and 2"):
        rank_targets(Popularity(5), Histories.from_lists([[1]]), np.array([1, 2], np.int32))


def test_no_users() -> None:
    ranks = rank_targets(Popularity(5), Histories.from_lists([]), np.zeros(0, np.int32))
    assert len(ranks.all_items) == 0


@pytest.fixture(scope="module")
def beauty(shared_dir: Path) -> tuple[Ranks, dict[str, np.ndarray]]:
    """Ranks of the authors' own Beauty weights by our evaluator, and by theirs."""
    golden = dict(np.load(shared_dir / "golden" / "beauty_eval_ranks.npz"))
    checkpoint = np.load(shared_dir / "golden" / "beauty_checkpoint.npz")
    items = int(checkpoint["meta.n_items"]) - 1
    encoder = PostNormSASRec(items, dim=64, max_length=50)
    model = MCLRec(encoder, preset="reference")
    assign(encoder_assignments(encoder), checkpoint)
    internal = dict(zip(golden["item_original_id"], golden["item_internal_id"], strict=True))
    rows = _beauty_histories(shared_dir / "data" / "beauty.txt.gz")
    order = [rows[int(user)] for user in golden["user_id"]]
    as_ids = [[internal[item] for item in row] for row in order]
    histories = Histories.from_lists([row[:-1] for row in as_ids])
    targets = np.array([row[-1] for row in as_ids], np.int32)
    return rank_targets(model, histories, targets), golden


def _beauty_histories(path: Path) -> dict[int, list[int]]:
    with gzip.open(path, "rt") as lines:
        numbers = ([int(word) for word in line.split()] for line in lines)
        return {user: items for user, *items in numbers}


def test_authors_ranks(beauty: tuple[Ranks, dict[str, np.ndarray]]) -> None:
    ranks, golden = beauty
    # A score nearer to the target's than float32 can tell may fall on either side of it.
    close = golden["min_score_gap"] < 2e-6
    difference = np.abs(ranks.all_items - golden["rank"])
    assert not difference[~close].any()
    assert difference.max() <= 1 + golden["n_ties"].max()
    assert np.count_nonzero(difference) < 30

    unseen = golden["rank"] - golden["n_history_items_above_target"]
    # The authors know the most recent 50 items of a history, we exclude all of it.
    whole = golden["hist_len"] < 50
    assert np.array_equal(ranks.unseen_items[whole & ~close], unseen[whole & ~close])
    assert np.all(ranks.unseen_items[~close] <= unseen[~close])


def test_authors_metrics(beauty: tuple[Ranks, dict[str, np.ndarray]]) -> None:
    results = summarize(beauty[0])
    expected = {
        "all_items_hit_rate_at_10": 0.0871,
        "all_items_hit_rate_at_20": 0.1243,
        "all_items_ndcg_at_10": 0.0446,
        "all_items_ndcg_at_20": 0.0539,
        "unseen_items_hit_rate_at_10": 0.0951,
        "unseen_items_hit_rate_at_20": 0.1306,
        "unseen_items_ndcg_at_10": 0.0576,
        "unseen_items_ndcg_at_20": 0.0665,
    }
    assert {name: round(results[name], 4) for name in expected} == expected
