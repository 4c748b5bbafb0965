"""A list of cells says what a table of them says."""

import numpy as np
import tensorflow as tf
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from mclrec_tf.export.listed_items import ListedItems

COLUMNS = 9


@given(
    rows=st.lists(st.sets(st.integers(1, COLUMNS - 1)), min_size=1, max_size=4),
    more=st.integers(0, 2),
)
@settings_of_hypothesis(max_examples=50)
def test_it_is_a_table_of_few_cells(rows: list[set[int]], more: int) -> None:
    width = max(map(len, rows)) + more
    items = np.zeros((len(rows), width), np.int32)
    table, listed = np.zeros((2, len(rows), COLUMNS), np.float32)
    for row, ids in enumerate(rows):
        items[row, : len(ids)] = sorted(ids)
        table[row, sorted(ids)] = np.arange(1, len(ids) + 1) + 10 * row
        listed[row, sorted(ids)] = 1
    values = np.take_along_axis(table, items, axis=1)
    found = ListedItems.of(tf.constant(items), tf.constant(values), COLUMNS)
    every_row, every_item = np.indices((len(rows), COLUMNS)).astype(np.int32)[:, :, 1:]
    is_listed, numbers = found(tf.constant(every_row.ravel()), tf.constant(every_item.ravel()))
    assert np.array_equal(is_listed, listed[:, 1:].ravel() > 0)
    assert np.array_equal(numbers, table[:, 1:].ravel())
