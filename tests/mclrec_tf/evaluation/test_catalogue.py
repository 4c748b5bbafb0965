"""What is known of items is counted of users, not of events."""

from typing import Any

import numpy as np
import pytest

from mclrec_tf.data.histories import Histories
from mclrec_tf.evaluation.catalogue import Catalogue


def test_an_item_counts_once_a_user() -> None:
    train = Histories.from_lists([[2, 2, 1], [2], [], [3, 3, 3]])
    catalogue = Catalogue.from_histories(train, 4)
    assert catalogue.item_users.tolist() == [0, 1, 2, 1, 0]
    assert (catalogue.num_users, catalogue.num_items) == (4, 4)
    assert catalogue.popularity.tolist() == [0, 0.25, 0.5, 0.25, 0]
    # Nobody had 4; it counts as if one user had.
    assert catalogue.self_information.tolist() == [0, 2, 1, 2, 2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_users": 0}, "num_users must be at least 1, got 0"),
        ({"item_users": np.array([0])}, r"item_users must have the shape \[|I| \+ 1\], got \(1,\)"),
        ({"item_users": np.array([0, -1, 2])}, r"item_users must lie in 0\.\.3, .* got -1"),
        ({"item_users": np.array([0, 1, 4])}, r"item_users must lie in 0\.\.3, .* got 4"),
        ({"vectors": np.ones((2, 5))}, r"vectors must have the shape \[3, d\], got \(2, 5\)"),
        ({"vectors": np.full((3, 5), np.nan)}, "vectors must be finite"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"item_users": np.array([0, 1, 2]), "num_users": 3}
    with pytest.raises(ValueError, match=message):
        Catalogue(**arguments | change)


def test_histories_of_another_catalogue_are_refused() -> None:
    with pytest.raises(ValueError, match="train: item 9 is beyond num_items=5"):
        Catalogue.from_histories(Histories.from_lists([[9]]), 5)
