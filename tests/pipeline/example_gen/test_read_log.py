"""Events of a file reach their user whole, however many there are."""

import marshal
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest
from apache_beam.pvalue import TaggedOutput
from hypothesis import given
from hypothesis import strategies as st

from mclrec_tf.data.event_log import EventLogFormat
from pipeline.example_gen import read_log
from pipeline.example_gen.read_log import PlacedEvent, ReadEvents, in_order, pack
from pipeline.example_gen.report import FileSummary


@pytest.mark.parametrize("events_held", [1, 2, 7, 100])
def test_events_sent_in_parts_come_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, events_held: int
):
    monkeypatch.setattr(read_log, "EVENTS_HELD", events_held)
    log = tmp_path / "log.csv"
    events = [("ann" if place % 3 else "bob", str(place % 5), 20 - place) for place in range(20)]
    rows = [f"{user},{item},{time}\n" for user, item, time in events]
    log.write_text("".join(["user_id,item_id,timestamp\n", *rows, "ann,1,\n"]))
    parts = defaultdict(list)
    *sent, summary = ReadEvents(EventLogFormat()).process((0, str(log)))
    for user, part in sent:
        parts[user].append(part)
    assert max(len(marshal.loads(part)) for user in parts for part in parts[user]) <= events_held
    for user in ("ann", "bob"):
        expected = sorted((time, item) for one, item, time in events if one == user)
        history = in_order(user, reversed(parts[user]))
        assert history.items == [item.encode() for _, item in expected]
        assert history.timestamps == [time for time, _ in expected]
    assert isinstance(summary, TaggedOutput) and summary.tag == ReadEvents.SUMMARIES
    number, text = summary.value
    read = FileSummary.from_json(text)
    assert number == 0
    assert (read.rows, read.error, [rows.count for rows in read.skipped]) == (21, "", [1])


@given(
    events=st.lists(
        st.tuples(
            st.integers(-(2**63), 2**63 - 1) | st.integers(0, 3),
            st.integers(0, 2),
            st.integers(0, 10**12),
            st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=3),
        )
    ),
    ends=st.lists(st.integers(0, 30)),
)
def test_how_the_events_of_a_user_are_packed_does_not_show(
    events: list[PlacedEvent], ends: list[int]
):
    borders = [0, *sorted(ends), len(events)]
    parts = [events[start:end] for start, end in pairwise(borders)]
    packed = [part for one in parts for _, part in pack({"ann": one})]
    history = in_order("ann", packed)
    first = dict.fromkeys((time, item) for time, _, _, item in sorted(events))
    assert history.timestamps == [time for time, _ in first]
    assert history.items == [item.encode() for _, item in first]


def test_a_damaged_file_is_a_summary_not_an_exception(tmp_path: Path):
    log = tmp_path / "log.csv.gz"
    log.write_text("no gzip")
    (summary,) = ReadEvents(EventLogFormat()).process((0, str(log)))
    assert FileSummary.from_json(summary.value[1]).error.startswith(f"{log}: ")
