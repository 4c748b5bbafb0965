"""Events of a file reach their user whole, however many there are."""

from collections import defaultdict
from pathlib import Path

import pytest
from apache_beam.pvalue import TaggedOutput

from mclrec_tf.data.event_log.reader import EventLogFormat
from pipeline.components.example_gen.event_log import read_log
from pipeline.components.example_gen.event_log.log_report import FileSummary
from pipeline.components.example_gen.event_log.read_log import ReadEvents, in_order


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
        parts[user].append(list(part))
    assert max(len(part) for user in parts for part in parts[user]) <= events_held
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


def test_a_damaged_file_is_a_summary_not_an_exception(tmp_path: Path):
    log = tmp_path / "log.csv.gz"
    log.write_text("no gzip")
    (summary,) = ReadEvents(EventLogFormat()).process((0, str(log)))
    assert FileSummary.from_json(summary.value[1]).error.startswith(f"{log}: ")
