"""A model that saw every event goes out only if it is still the one that was evaluated."""

import keras
import numpy as np
import pytest

from mclrec_tf import MCLRec
from mclrec_tf.data.histories import Histories
from mclrec_tf.models.building import build_model
from mclrec_tf.models.warm_start import warm_start
from pipeline.components.refit.guards import guarded

ITEMS = [f"item {number}" for number in range(40)]
OTHER_ORDER = ITEMS[::-1]
HISTORIES = Histories.from_lists(
    [[(user * 7 + step * 3) % 40 + 1 for step in range(3 + user % 6)] for user in range(60)]
)


def model(seed: int) -> MCLRec:
    keras.utils.set_random_seed(seed)
    return build_model(40, dim=8, num_layers=1, max_length=10, members=1, seed=seed)


@pytest.fixture(scope="module")
def evaluated() -> MCLRec:
    return model(0)


@pytest.fixture
def renumbered(evaluated: MCLRec) -> MCLRec:
    """The evaluated model under other numbers of its items."""
    made = model(1)
    warm_start(made, evaluated, OTHER_ORDER, ITEMS)
    return made


def test_the_same_model_agrees_under_other_numbers_of_its_items(
    evaluated: MCLRec, renumbered: MCLRec
) -> None:
    found = guarded(renumbered, OTHER_ORDER, evaluated, ITEMS, HISTORIES, min_agreement=1.0)
    assert found.agreement == 1.0 and found.refusals == ()
    assert found.effective_rank == pytest.approx(found.evaluated_effective_rank)


def test_another_model_is_refused_and_told_what_was_asked_for(evaluated: MCLRec) -> None:
    found = guarded(model(1), OTHER_ORDER, evaluated, ITEMS, HISTORIES, min_agreement=0.9)
    (refusal,) = found.refusals
    assert found.agreement < 0.9
    assert f"agree with those of the evaluated model by {found.agreement:.3f}" in refusal
    assert "--min-agreement asks for 0.9" in refusal


def test_nothing_is_asked_of_the_agreement_if_that_is_wanted(evaluated: MCLRec) -> None:
    found = guarded(model(1), OTHER_ORDER, evaluated, ITEMS, HISTORIES, min_agreement=0.0)
    assert found.refusals == ()


def test_weights_that_are_not_finite_are_refused(evaluated: MCLRec, renumbered: MCLRec) -> None:
    table = renumbered.encoder.item_embedding.table
    values = table.numpy()
    values[3, 2] = np.nan
    table.assign(values)
    found = guarded(renumbered, OTHER_ORDER, evaluated, ITEMS, HISTORIES, min_agreement=0.0)
    assert found.refusals == ("A weight is not a finite number.",)


@pytest.mark.parametrize(("value", "rank"), [(1.0, "1.0"), (np.nan, "nan")])
def test_users_that_all_have_one_vector_are_refused(
    evaluated: MCLRec,
    renumbered: MCLRec,
    monkeypatch: pytest.MonkeyPatch,
    value: float,
    rank: str,
) -> None:
    vectors = renumbered.user_vectors
    monkeypatch.setattr(renumbered, "user_vectors", lambda history: 0 * vectors(history) + value)
    found = guarded(renumbered, OTHER_ORDER, evaluated, ITEMS, HISTORIES, min_agreement=0.0)
    (refusal,) = found.refusals
    assert refusal.startswith(
        f"The vectors of users have collapsed: their effective rank is {rank}"
    )
