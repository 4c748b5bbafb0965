"""Dates and times as texts: the fast way and the general way read the same."""

from datetime import datetime, timezone

import numpy as np
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mclrec_tf.data.event_log.values.iso_times import iso_times, usual_iso_times

NUMBERS = st.sampled_from(
    ["00", "01", "02", "12", "13", "23", "24", "28", "29", "30", "31", "59", "60"]
)
DATES = st.builds(
    "{}-{}-{}".format,
    st.sampled_from(["0000", "0001", "1600", "1969", "2024", "2026", "2300", "9999"]),
    NUMBERS,
    NUMBERS,
)
ZONES = st.sampled_from(
    ["", "", "Z", "+02:00", "-05:30", "+0200", "+02", " UTC", "+24:00", "-00:00", "+99:99"]
)
FRACTIONS = st.sampled_from(
    ["", "", ".5", ".123", ".123456", ".123456789", ".1234567891", ".", ",5"]
)
TIMES = st.builds(
    "{}{}{}:{}:{}{}{}".format,
    DATES,
    st.sampled_from("T  _"),
    NUMBERS,
    NUMBERS,
    NUMBERS,
    FRACTIONS,
    ZONES,
)
TEXTS = st.lists(st.one_of(DATES, TIMES), min_size=1, max_size=3)


@given(TEXTS)
def test_the_fast_way_reads_nothing_else(texts: list[str]):
    fast, general = usual_iso_times(pyarrow.array(texts)), iso_times(texts)
    if fast is not None:
        for one, other in zip(fast, general, strict=True):
            np.testing.assert_array_equal(one, other)


@given(
    st.lists(st.datetimes(datetime(1700, 1, 1), datetime(2199, 12, 31)), min_size=1),
    st.sampled_from("T "),
    st.sampled_from(["", "Z", "+00:00"]),
)
def test_usual_times_take_the_fast_way(moments: list[datetime], middle: str, zone: str):
    texts = [moment.isoformat(middle, "microseconds") + zone for moment in moments]
    fast = usual_iso_times(pyarrow.array(texts).cast(pyarrow.binary()))
    assert fast is not None
    for moment, seconds, billionths in zip(moments, fast.seconds, fast.billionths, strict=True):
        assert billionths == moment.microsecond * 1000
        since = moment.replace(microsecond=0, tzinfo=timezone.utc)
        assert seconds == int(since.timestamp())


@pytest.mark.parametrize("text", ["", "2026", "2026-02-30", "20260101", "2026-01-01 10", "noon"])
def test_what_is_no_date_is_none_in_both_ways(text: str):
    assert usual_iso_times(pyarrow.array([text])) is None
    assert not iso_times([text]).valid.any()
