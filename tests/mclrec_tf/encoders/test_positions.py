"""What each way of counting positions promises, in training and in serving."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf import BSARec, NextItemModel, PostNormSASRec, SASRec
from mclrec_tf.encoders import TransformerEncoder
from mclrec_tf.export.saved_model import export_savedmodel
from mclrec_tf.export.signature_inputs import HISTORY_LENGTH
from mclrec_tf.layers import Tokens
from tests.mclrec_tf.encoders.rows import (
    DIM,
    ENCODERS,
    MAX_LENGTH,
    NUM_ITEMS,
    mixed_rows,
    random_encoder,
)

KINDS = [SASRec, PostNormSASRec, BSARec]
BOTH = ["from_start", "from_end"]


def encoder_of(kind: type[TransformerEncoder], positions: str) -> TransformerEncoder:
    """The same at each call, with positions that matter: at the start they are small."""
    keras.utils.set_random_seed(1)
    encoder = kind(NUM_ITEMS, dim=DIM, max_length=MAX_LENGTH, dropout=0.0, positions=positions)
    encoder.build()
    random = np.random.default_rng(1)
    for weight in encoder.trainable_variables:
        weight.assign(weight + random.normal(size=weight.shape, scale=0.5))
    return encoder


def of_one(encoder: TransformerEncoder, items: np.ndarray) -> np.ndarray:
    """The vectors of one history, without padding, `[n, d]`."""
    return encoder(tf.constant(items[None])).numpy()[0]


@pytest.fixture
def items() -> np.ndarray:
    return np.random.default_rng(2).integers(1, NUM_ITEMS + 1, MAX_LENGTH).astype(np.int32)


@pytest.mark.parametrize("kind", KINDS)
def test_from_the_start_items_that_come_later_change_nothing(
    kind: type[TransformerEncoder], items: np.ndarray
) -> None:
    """So one causal pass has the vector that is served for every prefix."""
    encoder = encoder_of(kind, "from_start")
    whole = of_one(encoder, items)
    for n in (1, 2, 7, MAX_LENGTH - 1):
        np.testing.assert_allclose(of_one(encoder, items[:n]), whole[:n], atol=5e-6)
    backwards = encoder_of(kind, "from_end")
    assert np.abs(of_one(backwards, items[:7]) - of_one(backwards, items)[:7]).max() > 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_from_the_end_older_items_leave_the_positions_of_the_newer_ones(
    kind: type[TransformerEncoder], items: np.ndarray
) -> None:
    """What is hidden from the attention is not read, so only positions could tell of it."""
    hidden = np.concatenate([np.zeros(9, np.int32), items[-7:]])
    lengths = tf.constant([len(hidden)])
    found = {
        positions: (
            encoder_of(kind, positions)(tf.constant(hidden[None]), lengths).numpy()[0, -7:],
            of_one(encoder_of(kind, positions), items[-7:]),
        )
        for positions in BOTH
    }
    np.testing.assert_allclose(*found["from_end"], atol=5e-6)
    with_older, alone = found["from_start"]
    assert np.abs(with_older - alone).max() > 0.01


@pytest.mark.parametrize("positions", BOTH)
def test_the_table_is_read_where_it_was_promised(positions: str) -> None:
    """The position that an item has, by the row of the table that its vector depends on."""
    encoder = encoder_of(SASRec, positions)
    table = encoder.position_table
    for n in (1, 4, MAX_LENGTH):
        with tf.GradientTape() as tape:
            first = tf.reduce_sum(tf.sin(encoder(tf.ones((1, n), tf.int32))[0, 0]))
        gradient = tf.convert_to_tensor(tape.gradient(first, table.value)).numpy()
        (read,) = np.flatnonzero(np.abs(gradient).max(axis=1))
        assert read == (0 if positions == "from_start" else n - 1)


@pytest.mark.parametrize("name", ENCODERS)
def test_padding_of_any_width_changes_nothing(name: str) -> None:
    encoder = random_encoder(name)
    ids, lengths = mixed_rows(masked=0.2)
    row = 5
    n = int(lengths[row])
    alone = encoder(ids[row : row + 1, :n], lengths[row : row + 1])
    last = encoder(ids[row : row + 1, :n], lengths[row : row + 1], last_only=True)
    for width in (n + 1, n + 4, MAX_LENGTH):
        padded, length = ids[row : row + 1, :width], lengths[row : row + 1]
        np.testing.assert_allclose(encoder(padded, length)[:, :n], alone, atol=2e-6)
        np.testing.assert_allclose(encoder(padded, length, last_only=True), last, atol=2e-6)


@pytest.mark.parametrize("positions", BOTH)
def test_a_model_reads_the_newest_of_a_longer_history(positions: str, items: np.ndarray) -> None:
    model = NextItemModel(encoder_of(SASRec, positions))
    longer = np.concatenate([items[::-1], items])
    np.testing.assert_allclose(
        model.user_vectors(longer[None]), model.user_vectors(items[None]), atol=2e-6
    )
    newest, *_ = model.recommend(items[None], k=5, keep_seen=True)
    np.testing.assert_array_equal(model.recommend([longer], k=5, keep_seen=True).item_ids, newest)


@pytest.mark.parametrize("positions", BOTH)
def test_the_last_prediction_of_a_training_pass_is_that_of_serving(
    positions: str, items: np.ndarray
) -> None:
    encoder = encoder_of(SASRec, positions)
    model = NextItemModel(encoder)
    for n in (1, 6, MAX_LENGTH):
        in_training = of_one(encoder, items[:n])[-1]
        padded = np.pad(items[:n], (0, 2 * MAX_LENGTH - n))
        np.testing.assert_allclose(model.user_vectors(padded[None])[0], in_training, atol=2e-6)
        np.testing.assert_allclose(
            model(padded[None])[0, 1:],
            encoder.item_embedding.table.numpy()[1 : NUM_ITEMS + 1] @ in_training,
            atol=2e-5,
        )


@pytest.mark.integration
@pytest.mark.parametrize("kind", [SASRec, PostNormSASRec])
@pytest.mark.parametrize("positions", BOTH)
def test_an_export_answers_as_the_model(
    kind: type[TransformerEncoder], positions: str, tmp_path: Path
) -> None:
    model = NextItemModel(encoder_of(kind, positions))
    names = np.array(["", *(f"item-{n}" for n in range(NUM_ITEMS))], object)
    export_savedmodel(model, tmp_path / "1", names[1:].tolist(), k=5)
    ids = np.zeros((4, HISTORY_LENGTH), np.int32)
    random = np.random.default_rng(3)
    for row, n in enumerate((1, 3, MAX_LENGTH, HISTORY_LENGTH)):
        ids[row, :n] = random.integers(1, NUM_ITEMS + 1, n)
    served = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"]
    answer = served(history=tf.constant(names[ids]))
    expected = model.recommend(ids, k=5)
    np.testing.assert_array_equal(
        answer["item_ids"].numpy().astype(str), names[expected.item_ids].astype(str)
    )
    np.testing.assert_allclose(answer["scores"], expected.scores, rtol=1e-5, atol=1e-5)


def test_an_empty_row_has_the_first_position() -> None:
    tokens = Tokens.of(tf.constant([[0, 0], [3, 4]]), tf.constant([0, 2]))
    assert tokens.positions_from_end.numpy().tolist() == [0, 1, 0]


def test_another_word_is_refused() -> None:
    with pytest.raises(ValueError, match="positions must be one of .*got 'from_middle'"):
        SASRec(NUM_ITEMS, positions="from_middle")
