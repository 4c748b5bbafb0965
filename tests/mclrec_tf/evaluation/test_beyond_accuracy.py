"""The metrics of lists equal other libraries' values and plain loops; parts of users add up.

`peers/written.json` is what `peers/write.py` has written with RecTools and PySAL.
"""

import itertools
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mclrec_tf.data.histories import Histories
from mclrec_tf.evaluation.beyond_accuracy import OF_CATALOGUE, ListTotals, summarize_lists
from mclrec_tf.evaluation.catalogue import Catalogue
from mclrec_tf.evaluation.list_values import OF_USERS
from mclrec_tf.evaluation.ranking_metrics import CUTOFFS
from mclrec_tf.evaluation.recommended_lists import Lists
from mclrec_tf.evaluation.spread import gini

WRITTEN = Path(__file__).parent / "peers" / "written.json"


def test_values_are_those_of_other_libraries() -> None:
    written = json.loads(WRITTEN.read_text())
    expected, vectors = written["values"], np.array(written["vectors"])
    num_items = len(vectors) - 1
    train = Histories.from_lists(written["train"])
    lists = np.array(written["lists"], np.int32)
    catalogue = Catalogue.from_histories(train, num_items, vectors)
    found = summarize_lists(Lists(lists, lists), catalogue, train)
    for k in CUTOFFS:
        # PySAL divides by the number of items, which one item for everybody does not bring to 1.
        by_number = expected.pop(f"gini_by_number_of_items_at_{k}")
        expected[f"gini_at_{k}"] = by_number * num_items / (num_items - 1)
    for name, value in expected.items():
        assert found[f"all_items_{name}"] == pytest.approx(value, abs=1e-12), name
        if not name.startswith("repeat_share"):
            assert found[f"unseen_items_{name}"] == pytest.approx(value, abs=1e-12), name
    assert len(expected) == (len(OF_CATALOGUE) + len(OF_USERS)) * len(CUTOFFS)
    assert len(found) == 2 * len(expected) - len(CUTOFFS)


def random_case(seed: int, users: int = 40) -> tuple[np.ndarray, Catalogue, np.ndarray]:
    """Lists of any length, some of none, and some vectors that are 0."""
    random = np.random.default_rng(seed)
    lists = np.argsort(random.random((users, 50)), axis=1)[:, :20].astype(np.int32) + 1
    lists[np.arange(20) >= random.integers(0, 24, users)[:, None]] = 0
    vectors = random.normal(size=(51, 3))
    vectors[random.integers(1, 51, 8)] = 0
    catalogue = Catalogue(random.integers(0, 30, 51), 30, vectors)
    repeated = np.cumsum(random.integers(0, 4, (users, 3)), axis=1)
    repeated[::7] = -1
    return lists, catalogue, repeated


def by_loops(lists: np.ndarray, catalogue: Catalogue, repeated: np.ndarray) -> dict[str, float]:
    results: dict[str, float] = {}
    for c, k in enumerate(CUTOFFS):
        cut = [[item for item in row[:k].tolist() if item] for row in lists]
        counts = np.zeros(catalogue.num_items)
        values: dict[str, list[float]] = {name: [] for name in OF_USERS}
        for user, row in enumerate(cut):
            counts[np.array(row, int) - 1] += 1
            if row:
                shares = [catalogue.item_users[item] / catalogue.num_users for item in row]
                bits = [-np.log2(max(share, 1 / catalogue.num_users)) for share in shares]
                values["mean_popularity"].append(float(np.mean(shares)))
                values["novelty"].append(float(np.mean(bits)))
            if len(row) > 1:
                assert catalogue.vectors is not None
                cosines = []
                for pair in itertools.combinations(row, 2):
                    a, b = catalogue.vectors[list(pair)]
                    length = np.linalg.norm(a) * np.linalg.norm(b)
                    cosines.append(a @ b / length if length else 0)
                values["intra_list_similarity"].append(float(np.mean(cosines)))
            if repeated[user, c] >= 0:
                values["repeat_share"].append(repeated[user, c] / k)
        # The mean absolute difference of all pairs, over twice the mean.
        difference = np.abs(counts[:, None] - counts).sum() / (len(counts) * (len(counts) - 1))
        results[f"gini_at_{k}"] = difference / (2 * counts.mean())
        results[f"coverage_at_{k}"] = float(np.mean(counts > 0))
        results |= {f"{name}_at_{k}": float(np.mean(found)) for name, found in values.items()}
        results |= {
            f"error {name}_at_{k}": float(np.std(found, ddof=1) / np.sqrt(len(found)))
            for name, found in values.items()
        }
    return results


@pytest.mark.parametrize("seed", range(3))
def test_values_are_those_of_plain_loops(seed: int) -> None:
    case = random_case(seed)
    totals = ListTotals.of(*case)
    found = totals.metrics(50)
    found |= {f"error {name}": value for name, value in totals.standard_errors().items()}
    assert found == pytest.approx(by_loops(*case))


def test_parts_add_up_whatever_they_are() -> None:
    lists, catalogue, repeated = random_case(5, users=3000)
    whole = ListTotals.of(lists, catalogue, repeated)
    borders = [0, 1, 1, 900, 2500, 3000]
    parts = [
        pickle.loads(pickle.dumps(ListTotals.of(lists[a:b], catalogue, repeated[a:b])))
        for a, b in itertools.pairwise(borders)
    ]
    summed = ListTotals.sum([ListTotals.sum(parts[:2]), *parts[2:], ListTotals.sum([])])
    assert np.array_equal(summed.items, whole.items) and summed.items.dtype == np.int32
    assert np.array_equal(summed.lists, whole.lists)
    assert summed.metrics(50) == pytest.approx(whole.metrics(50))
    assert summed.standard_errors() == pytest.approx(whole.standard_errors())


def test_nobody_and_nothing() -> None:
    lists, catalogue, _ = random_case(0)
    for nothing in (lists[:0], np.zeros((4, 20), np.int32), np.zeros((4, 0), np.int32)):
        found = ListTotals.of(nothing, catalogue).metrics(50)
        assert {found.pop(f"coverage_at_{k}") for k in CUTOFFS} == {0}
        assert np.isnan(list(found.values())).all()


def test_short_lists_are_all_that_longer_cutoffs_see() -> None:
    lists = np.array([[1, 2, 3], [4, 5, 6]], np.int32)
    found = summarize_lists(
        Lists(lists, lists),
        Catalogue(np.ones(41, int), 10),
        Histories.from_lists([[3], [1, 5, 4]]),
    )
    assert {found[f"all_items_repeat_share_at_{k}"] for k in CUTOFFS} == {0.5}
    assert not any("intra_list" in name or "unseen_items_repeat" in name for name in found)


@pytest.mark.parametrize(
    ("counts", "items", "expected"),
    [([2, 2, 2], 3, 0), ([5], 1, 0), ([9], 4, 1), ([0, 9, 0], 4, 1), ([1, 1], 4, 2 / 3)],
)
def test_gini_from_equal_to_one_for_all(counts: list[int], items: int, expected: float) -> None:
    assert gini(counts, items) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("items", "repeated", "message"),
    [
        (np.array([[51]]), None, "lists: item 51 is not among the 50 of the catalogue"),
        (np.array([[-1]]), None, "lists: item -1 is not among the 50"),
        (np.array([1]), None, r"lists must be ids of the shape \[U, K\], got int64 \(1,\)"),
        (np.array([[1.5]]), None, r"lists must be ids of the shape \[U, K\], got float64"),
        (np.array([[1]]), np.array([[1]]), r"repeated must have the shape \[1, 3\], got \(1, 1\)"),
    ],
)
def test_what_does_not_fit_is_refused(items: Any, repeated: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ListTotals.of(items, random_case(0)[1], repeated)


def test_more_than_there_is_is_refused() -> None:
    with pytest.raises(ValueError, match="counts has 3 items, but num_items is 2"):
        gini([1, 2, 3], 2)
    lists, catalogue, _ = random_case(0)
    with pytest.raises(ValueError, match="one row a user, got 40 and 1"):
        summarize_lists(Lists(lists, lists), catalogue, Histories.from_lists([[1]]))
