"""The view operations obey their definitions on random histories."""

import math
from collections import Counter
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from mclrec_tf.layers import (
    Crop,
    Insert,
    Mask,
    Reorder,
    StochasticViews,
    Substitute,
    View,
    ViewOperation,
)

MASK_TOKEN = 999
WIDTH = 20
histories = st.lists(
    st.lists(st.integers(1, 500), min_size=1, max_size=WIDTH, unique=True),
    min_size=1,
    max_size=8,
)
ratios = st.sampled_from([0.0, 0.2, 0.5, 0.8, 1.0])
quick = settings(max_examples=40)


# The similar items of i are i + 1000 and i + 2000.
NEIGHBOURS = np.arange(501)[:, None] + [1000, 2000]


def view_of(rows: list[list[int]]) -> View:
    padded = np.zeros((len(rows), WIDTH), np.int32)
    for index, row in enumerate(rows):
        padded[index, : len(row)] = row
    return View(tf.constant(padded), tf.constant([len(row) for row in rows]))


def rows_of(view: View) -> list[list[int]]:
    for ids, length in zip(view.ids.numpy(), view.lengths.numpy(), strict=True):
        assert not ids[length:].any(), "padding must stay padding"
    return [
        ids[:length].tolist()
        for ids, length in zip(view.ids.numpy(), view.lengths.numpy(), strict=True)
    ]


@quick
@given(histories, ratios)
def test_crop_keeps_a_contiguous_part(rows: list[list[int]], ratio: float) -> None:
    for row, cropped in zip(rows, rows_of(Crop(ratio)(view_of(rows))), strict=True):
        assert len(cropped) == max(1, math.floor(ratio * len(row)))
        begin = row.index(cropped[0])
        assert row[begin : begin + len(cropped)] == cropped


@quick
@given(histories, ratios, st.sampled_from([0, MASK_TOKEN]))
def test_mask_hides_a_share_and_nothing_else(
    rows: list[list[int]], ratio: float, token: int
) -> None:
    for row, masked in zip(rows, rows_of(Mask(ratio, token=token)(view_of(rows))), strict=True):
        assert len(masked) == len(row)
        assert masked.count(token) == math.floor(ratio * len(row))
        assert all(a in (b, token) for a, b in zip(masked, row, strict=True))


@quick
@given(histories, ratios)
def test_reorder_shuffles_inside_one_part(rows: list[list[int]], ratio: float) -> None:
    for row, reordered in zip(rows, rows_of(Reorder(ratio)(view_of(rows))), strict=True):
        assert sorted(reordered) == sorted(row)
        moved = [p for p, (a, b) in enumerate(zip(row, reordered, strict=True)) if a != b]
        if moved:
            assert moved[-1] - moved[0] < math.floor(ratio * len(row))


@quick
@given(histories, ratios)
def test_substitute_puts_similar_items_in_place(rows: list[list[int]], ratio: float) -> None:
    operation = Substitute(NEIGHBOURS, ratio)
    for row, changed in zip(rows, rows_of(operation(view_of(rows))), strict=True):
        assert len(changed) == len(row)
        replaced = [(a, b) for a, b in zip(row, changed, strict=True) if a != b]
        assert len(replaced) == max(1, math.floor(ratio * len(row)))
        assert all(b in (a + 1000, a + 2000) for a, b in replaced)


@quick
@given(histories, ratios, st.integers(WIDTH // 2, 2 * WIDTH))
def test_insert_puts_similar_items_before(
    rows: list[list[int]], ratio: float, max_length: int
) -> None:
    rows = [row[:max_length] for row in rows]
    operation = Insert(NEIGHBOURS, ratio, max_length=max_length)
    for row, longer in zip(rows, rows_of(operation(view_of(rows))), strict=True):
        inserted = max(1, math.floor(ratio * len(row)))
        assert len(longer) == min(len(row) + inserted, max_length)
        kept = [item for item in longer if item < 1000]
        assert kept == row[len(row) - len(kept) :]
        pairs = list(zip(longer, longer[1:], strict=False))
        assert all(a - b in (1000, 2000) for a, b in pairs if a >= 1000)
        assert longer[-1] == row[-1]
        if len(row) + inserted <= max_length:
            assert kept == row


@pytest.mark.parametrize(
    "operation", [Mask(), Crop(), Reorder(), Substitute(NEIGHBOURS), Insert(NEIGHBOURS)]
)
def test_shortest_histories(operation: ViewOperation) -> None:
    """0, 1 and 2 items: at least one is kept, an empty history stays empty."""
    rows = rows_of(operation(view_of([[], [7], [7, 8]] * 40)))
    assert rows[::3] == [[]] * 40
    expected = {
        Mask: ({(7,)}, {(0, 8), (7, 0)}),
        Crop: ({(7,)}, {(7,), (8,)}),
        Reorder: ({(7,)}, {(7, 8)}),
        Substitute: (
            {(1007,), (2007,)},
            {(1007, 8), (2007, 8), (7, 1008), (7, 2008)},
        ),
        Insert: (
            {(1007, 7), (2007, 7)},
            {(1007, 7, 8), (2007, 7, 8), (7, 1008, 8), (7, 2008, 8)},
        ),
    }[type(operation)]
    assert tuple({tuple(row) for row in rows[start::3]} for start in (1, 2)) == expected


def test_every_part_and_order_can_be_drawn() -> None:
    row = list(range(1, 6))
    many = view_of([row] * 2000)
    substituted = Counter(tuple(r) for r in rows_of(Substitute(NEIGHBOURS, 0.4)(many)))
    assert len(substituted) == math.comb(5, 2) * 4
    inserted = Counter(tuple(r) for r in rows_of(Insert(NEIGHBOURS, 0.4)(many)))
    assert len(inserted) == math.comb(5, 2) * 4
    for counts in (substituted, inserted):
        assert max(counts.values()) < 3 * min(counts.values())
    assert {tuple(r) for r in rows_of(Crop(0.5)(many))} == {(i, i + 1) for i in range(1, 5)}
    masked = Counter(tuple(r) for r in rows_of(Mask(0.5)(many)))
    assert len(masked) == math.comb(5, 2)
    assert max(masked.values()) < 2 * min(masked.values())
    # A part of four items begins at one of two positions and has 24 orders.
    reordered = {tuple(r) for r in rows_of(Reorder(0.8)(many))}
    assert len(reordered) == 2 * math.factorial(4) - math.factorial(3)


def test_ratio_is_exact_for_every_length() -> None:
    lengths = tf.range(1, 51)
    expected = [4 * length // 5 for length in range(1, 51)]
    assert Reorder(0.8).share(lengths).numpy().tolist() == expected


def test_two_views_come_from_different_operations() -> None:
    rows = [list(range(1, 11))] * 600
    views = StochasticViews([Mask(0.5), Crop(0.5), Reorder(0.8)], seed=1)(view_of(rows))

    def operation(row: list[int]) -> str:
        return "crop" if len(row) < 10 else "mask" if 0 in row else "reorder"

    pairs = Counter(
        zip(*([operation(row) for row in rows_of(view)] for view in views), strict=True)
    )
    assert all(first != second for first, second in pairs)
    assert len(pairs) == 6
    assert max(pairs.values()) < 2 * min(pairs.values())


def test_every_operation_runs_once(monkeypatch: pytest.MonkeyPatch) -> None:
    run: list[str] = []
    for kind in (Mask, Crop, Reorder):

        def counted(self: ViewOperation, view: View, call: Any = kind.call) -> View:
            run.append(type(self).__name__)
            return call(self, view)

        monkeypatch.setattr(kind, "call", counted)
    layer, view = StochasticViews([Mask(), Crop(), Reorder()]), view_of([[1, 2, 3], [4, 5]])
    layer(view)
    run.clear()  # Keras calls an operation once more when it is new
    layer(view)
    assert sorted(run) == ["Crop", "Mask", "Reorder"]


def test_ratios_that_vary_nothing_leave_views_to_dropout() -> None:
    rows = [[1, 2, 3], [4, 5, 6, 7, 8]]
    for view in StochasticViews([Mask(0.0), Crop(1.0), Reorder(0.0)])(view_of(rows)):
        assert rows_of(view) == rows


def test_a_single_item_gives_itself_twice() -> None:
    rows = [[7], [7, 8]] * 50
    for view in StochasticViews([Mask(0.5), Crop(0.5), Reorder(0.8)])(view_of(rows)):
        assert rows_of(view)[::2] == [[7]] * 50
        assert all(1 <= len(row) <= 2 for row in rows_of(view)[1::2])


def test_views_of_different_widths() -> None:
    rows = [list(range(1, WIDTH + 1)), [7], [3, 4]] * 100
    operations = [Crop(0.5), Insert(NEIGHBOURS, 0.5, max_length=25)]
    views = StochasticViews(operations, seed=1)
    spec = View(tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32))
    for view in tf.function(views, input_signature=[spec])(view_of(rows)):
        assert view.ids.shape == (300, 25)
        lengths = np.reshape(view.lengths, (100, 3))
        assert set(lengths[:, 0]) == {10, 25}
        assert set(lengths[:, 1]) == {1}
        assert set(lengths[:, 2]) == {1, 3}
        assert rows_of(view)[1] == [7]


def test_same_seed_same_views() -> None:
    view = view_of([list(range(1, 15))] * 4)
    first = StochasticViews([Mask(seed=1), Crop(seed=2)], seed=3)
    second = StochasticViews.from_config(first.get_config())
    for a, b in zip(first(view), second(view), strict=True):
        assert rows_of(a) == rows_of(b)


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match=r"Crop: ratio must lie in 0..1, got 1.5"):
        Crop(1.5)
    with pytest.raises(ValueError, match=r"neighbours must have the shape .*, got \(3,\)"):
        Insert([0, 2, 1])
    with pytest.raises(ValueError, match="every item needs k items similar to it"):
        Substitute([[0], [2], [0]])
    with pytest.raises(ValueError, match="two different operations"):
        StochasticViews([Mask()])


def test_random_states_are_saved(tmp_path) -> None:  # type: ignore[no-untyped-def]
    layer = StochasticViews([Mask(seed=1), Crop(seed=2)], seed=3)
    layer(view_of([[1, 2, 3]]))
    assert len(keras.Sequential([layer]).variables) == 3
