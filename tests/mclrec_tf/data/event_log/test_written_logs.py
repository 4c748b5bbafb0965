"""However a table of events is written, the same interactions are read from it."""

import tempfile
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mclrec_tf.data.event_log.formats import text_blocks
from mclrec_tf.data.interactions import load_interactions
from tests.mclrec_tf.data.event_log.written_logs import Table, tables, written


def assert_same_as_plain(data: st.DataObject, table: Table) -> None:
    with tempfile.TemporaryDirectory() as folder:
        plain = load_interactions(table.write_plain(Path(folder, "plain.csv")), k_core=0)
        log = data.draw(written(table, Path(folder, "log")))
        # Small blocks, so that their ends come everywhere in a small file.
        block_bytes = data.draw(st.sampled_from([8, 64, 1 << 20]))
        with patch.object(text_blocks, "BLOCK_BYTES", block_bytes):
            found = load_interactions(log.path, log.format, k_core=0, max_bad_rows=0.0)
    assert plain.timestamps.tolist() == [time // 10**9 for time in table.times()]
    assert found.user_ids == plain.user_ids
    assert found.item_ids == plain.item_ids
    assert [*map(list, found.histories)] == [*map(list, plain.histories)]
    assert found.timestamps.tolist() == [time // log.unit for time in table.times()]
    assert found.report.duplicates == plain.report.duplicates


@given(st.data(), tables())
@settings(max_examples=40)
def test_every_way_of_writing_gives_the_same_interactions(data: st.DataObject, table: Table):
    assert_same_as_plain(data, table)


@pytest.mark.slow
@given(st.data(), tables())
@settings(max_examples=5_000)
def test_many_ways_of_writing_give_the_same_interactions(data: st.DataObject, table: Table):
    assert_same_as_plain(data, table)
