"""One causal pass over a history trains what a row of every prefix trains."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf import BSARec, GRU4Rec, MCLRec, PostNormSASRec, SASRec, SequenceEncoder
from mclrec_tf.data.batches import training_batches
from mclrec_tf.data.histories import Histories
from mclrec_tf.training.losses import next_item_loss

ITEMS, MAX_LENGTH = 40, 12


@pytest.fixture(scope="module")
def histories() -> Histories:
    random = np.random.default_rng(5)
    lengths = [1, 2, 2, 3, 3, 5, 8, MAX_LENGTH, MAX_LENGTH + 1]
    return Histories.from_lists([random.integers(1, ITEMS + 1, n).tolist() for n in lengths])


def loss_of_a_pass(model: MCLRec, histories: Histories, schedule: str, batch_size: int) -> float:
    """Mean of the next-item loss over all predictions of a pass over the data."""
    total, count = 0.0, 0
    for history, targets in training_batches(histories, MAX_LENGTH, batch_size, schedule):
        asked = tf.where(targets > 0)
        vectors = tf.gather_nd(model.encoder(history, training=False), asked)
        labels = tf.gather_nd(targets, asked) - 1
        candidates = model.encoder.item_embedding.candidates(first=1)
        total += float(next_item_loss(vectors, candidates, labels)) * len(labels)
        count += len(labels)
    assert count == int(np.maximum(histories.lengths - 1, 0).sum())
    return total / count


def model_of(encoder: Callable[..., SequenceEncoder]) -> MCLRec:
    model = MCLRec(encoder(ITEMS, dim=16, max_length=MAX_LENGTH, dropout=0.0))
    # Larger than at the start, so that the history matters.
    model.encoder.item_embedding.table.assign(tf.random.normal([ITEMS + 2, 16], seed=1))
    return model


@pytest.mark.parametrize(
    "encoder",
    [
        partial(SASRec, positions="from_start"),
        PostNormSASRec,
        partial(BSARec, positions="from_start"),
        GRU4Rec,
    ],
    ids=["SASRec from the start", "PostNormSASRec", "BSARec", "GRU4Rec"],
)
def test_the_next_item_loss_is_that_of_prefix_training(
    encoder: Callable[..., SequenceEncoder], histories: Histories
) -> None:
    model = model_of(encoder)
    slow = loss_of_a_pass(model, histories, "prefix", batch_size=7)
    fast = loss_of_a_pass(model, histories, "causal", batch_size=16)
    assert fast == pytest.approx(slow, rel=1e-6)


def test_from_the_end_only_the_last_prediction_of_a_row_has_its_place(histories: Histories) -> None:
    """Prefixes have other positions within a whole; with one prediction a row there are none."""
    model = model_of(SASRec)
    slow = loss_of_a_pass(model, histories, "prefix", batch_size=7)
    fast = loss_of_a_pass(model, histories, "causal", batch_size=16)
    assert abs(fast - slow) > 1e-3
    pairs = Histories.from_lists([history[:2].tolist() for history in histories])
    slow = loss_of_a_pass(model, pairs, "prefix", batch_size=7)
    fast = loss_of_a_pass(model, pairs, "causal", batch_size=16)
    assert fast == pytest.approx(slow, rel=1e-6)
