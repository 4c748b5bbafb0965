"""Tokens and the packed table hold every position of every row once, and nothing else."""

import numpy as np
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mclrec_tf.layers import Tokens
from mclrec_tf.layers.packing import pack

WIDTH = 70
lengths_of_rows = st.lists(
    st.one_of(st.integers(0, 6), st.integers(0, WIDTH)), min_size=1, max_size=30
)
quick = settings(max_examples=60)


def ids_of(lengths: list[int], masked: float = 0.0) -> np.ndarray:
    """Ids that name row and position; a share of them is masked."""
    position = np.arange(WIDTH)
    ids = np.arange(len(lengths))[:, None] * WIDTH + position + 1
    shown = np.random.default_rng(0).random(ids.shape) >= masked
    return np.where((position < np.array(lengths)[:, None]) & shown, ids, 0).astype(np.int32)


def tokens_of(lengths: list[int], masked: float = 0.0) -> tuple[np.ndarray, Tokens]:
    ids = ids_of(lengths, masked)
    return ids, Tokens.of(tf.constant(ids), tf.constant(lengths, tf.int32))


@quick
@given(lengths_of_rows)
def test_flat_holds_every_position_row_by_row(lengths: list[int]) -> None:
    ids, tokens = tokens_of(lengths)
    expected = [i for row, n in zip(ids, lengths, strict=True) for i in row[: max(n, 1)]]
    assert tokens.flat(tf.constant(ids)).numpy().tolist() == expected
    ends = np.cumsum(np.maximum(lengths, 1)) - 1
    assert tokens.last.numpy().tolist() == ends.tolist()
    counts = [np.arange(max(n, 1)) for n in lengths]
    assert tokens.positions.numpy().tolist() == np.concatenate(counts).tolist()
    backwards = np.concatenate([count[::-1] for count in counts])
    assert tokens.positions_from_end.numpy().tolist() == backwards.tolist()


@quick
@given(lengths_of_rows)
def test_padded_and_packed_are_inverses_of_flat(lengths: list[int]) -> None:
    ids, tokens = tokens_of(lengths)
    values = tf.random.normal((len(tokens.positions), 3))
    padded = tokens.padded(values)
    assert padded.shape == (len(lengths), WIDTH, 3)
    np.testing.assert_array_equal(tokens.flat(padded), values)
    outside = ~tf.sequence_mask(np.maximum(lengths, 1), WIDTH)
    assert not np.any(padded[outside])
    np.testing.assert_array_equal(tokens.unpacked(tokens.packed(values)), values)


@quick
@given(lengths_of_rows)
def test_gradients_go_where_the_values_came_from(lengths: list[int]) -> None:
    _, tokens = tokens_of(lengths)
    values = tf.random.normal((len(tokens.positions), 3))
    for there in (tokens.padded, tokens.packed):
        with tf.GradientTape() as tape:
            tape.watch(values)
            table = there(values)
            loss = tf.reduce_sum(table * (weights := tf.random.normal(tf.shape(table))))
        back = tokens.flat if there == tokens.padded else tokens.unpacked
        np.testing.assert_allclose(tape.gradient(loss, values), back(weights), rtol=1e-6)


@quick
@example([0, 0, 0, 0, 7])
@given(lengths_of_rows)
def test_rows_are_packed_whole_and_apart(lengths: list[int]) -> None:
    real = np.maximum(lengths, 1)
    begins, lines, width = (part.numpy() for part in pack(tf.constant(real, tf.int64)))
    assert np.all(begins // width == (begins + real - 1) // width)
    cells = np.concatenate([np.arange(b, b + n) for b, n in zip(begins, real, strict=True)])
    assert len(set(cells)) == len(cells)
    assert cells.max() < lines * width
    # Not much wider than the longest row, and not much larger than what it holds: a row wastes
    # less than a part of 8 cells (an eighth of the widest lines) and less than its own length.
    assert real.max() <= width < real.max() + 8
    part = min(width, max(8, -(-width // 8)))
    assert lines * width <= 2 * real.sum() + len(real) * part + width


def test_short_rows_share_lines() -> None:
    _, lines, width = pack(tf.constant([50] + [5] * 80, tf.int64))
    assert (int(lines), int(width)) == (11, 56)
    _, lines, width = pack(tf.constant([5] * 80, tf.int64))
    assert (int(lines), int(width)) == (80, 5)


@quick
@given(lengths_of_rows)
def test_a_position_may_read_what_is_visible_up_to_it_in_its_row(lengths: list[int]) -> None:
    ids, tokens = tokens_of(lengths, masked=0.3)
    names = np.where(
        np.arange(WIDTH) < np.maximum(lengths, 1)[:, None], ids_of([WIDTH] * len(ids)), 0
    )
    owners = tokens.packed(tokens.flat(names.astype(np.float32))[:, None])[:, :, 0].numpy()
    for line, mask in zip(owners, tokens.mask[:, 0].numpy() == 0.0, strict=True):
        for cell in np.flatnonzero(line):
            row, position = divmod(int(line[cell]) - 1, WIDTH)
            visible = [i for i in ids[row, : position + 1] if i]
            assert line[mask[cell]].tolist() == visible
    reads = np.cumsum(ids > 0, axis=1) > 0
    assert tokens.reads.numpy()[:, 0].tolist() == tokens.flat(tf.constant(reads)).numpy().tolist()
