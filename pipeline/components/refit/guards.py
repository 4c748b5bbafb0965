"""What a model must show before it goes out although nothing is held out to evaluate it on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from mclrec_tf import MCLRec
from mclrec_tf.data.batches import evaluation_batches
from mclrec_tf.data.histories import Histories
from mclrec_tf.evaluation.recommended_lists import recommend_lists
from mclrec_tf.training.collapse import EffectiveRank

_USERS = 2_000  # a random part of so many is enough for a mean
_ITEMS = 10
_LEAST_RANK = 0.5  # of the evaluated model's; a collapsed one has a rank near 1


@dataclass(frozen=True)
class Guarded:
    """How a model compares with the evaluated one, on the same histories.

    Attributes:
        agreement: The share of a user's ten best items that are among the ten best of the other
            model too, the mean over users.
        effective_rank: The effective rank of the users' vectors, from 1 to d.
        evaluated_effective_rank: That of the evaluated model.
        refusals: Why the model must not go out, one sentence each; empty if it may.
    """

    agreement: float
    effective_rank: float
    evaluated_effective_rank: float
    refusals: tuple[str, ...]


def guarded(
    model: MCLRec,
    items: Sequence[str],
    evaluated: MCLRec,
    evaluated_items: Sequence[str],
    histories: Histories,
    min_agreement: float,
    seed: int = 0,
) -> Guarded:
    """Compares a model with the one that was evaluated.

    Args:
        model: The model that saw every event.
        items: Raw ids of its items, by id from 1.
        evaluated: The model that was evaluated.
        evaluated_items: Raw ids of its items, the same ones, by id from 1.
        histories: All events of each user, in ids of `model`.
        min_agreement: The smallest agreement, from 0 to 1.
        seed: Of the part of the users that is compared.
    """
    known = np.flatnonzero(histories.lengths)
    if len(known) > _USERS:
        known = np.sort(np.random.default_rng(seed).choice(known, _USERS, replace=False))
    of_model = histories.take(known)
    number_of = {name: number for number, name in enumerate(evaluated_items, start=1)}
    other = np.array([0, *(number_of[name] for name in items)], np.int32)
    of_evaluated = Histories(other[of_model.items], of_model.row_splits)
    refusals = []
    if not all(np.isfinite(weight.numpy()).all() for weight in model.learned_weights):
        refusals.append("A weight is not a finite number.")
        return Guarded(0.0, 0.0, _rank(evaluated, of_evaluated), tuple(refusals))
    lists = other[recommend_lists(model, of_model, _ITEMS).unseen_items]
    evaluated_lists = recommend_lists(evaluated, of_evaluated, _ITEMS).unseen_items
    agreement = _overlap(lists, evaluated_lists)
    rank, evaluated_rank = _rank(model, of_model), _rank(evaluated, of_evaluated)
    if agreement < min_agreement:
        refusals.append(
            f"The {_ITEMS} best items agree with those of the evaluated model by {agreement:.3f}; "
            f"--min-agreement asks for {min_agreement:g}."
        )
    if not rank >= _LEAST_RANK * evaluated_rank:  # nor if it is not a number
        refusals.append(
            f"The vectors of users have collapsed: their effective rank is {rank:.1f}, that of the "
            f"evaluated model {evaluated_rank:.1f}."
        )
    return Guarded(agreement, rank, evaluated_rank, tuple(refusals))


def _overlap(lists: np.ndarray, others: np.ndarray) -> float:
    """The mean share of the items of a list that the other one has; 0 stands for no item."""
    shared = ((lists[:, :, None] == others[:, None, :]) & (lists[:, :, None] > 0)).any(2).sum(1)
    size = np.maximum((lists > 0).sum(1), (others > 0).sum(1))
    return float(np.mean(np.where(size, shared / np.maximum(size, 1), 1.0)))


def _rank(model: MCLRec, histories: Histories) -> float:
    rank = EffectiveRank(model.encoder.dim)
    vectors = tf.function(
        model.user_vectors, input_signature=[tf.TensorSpec([None, None], tf.int32)]
    )
    for history, _ in evaluation_batches(histories, np.zeros(len(histories), np.int32)):
        found = vectors(history)
        if not np.isfinite(found.numpy()).all():
            return float("nan")
        rank.update_state(found)
    return float(rank.result())
