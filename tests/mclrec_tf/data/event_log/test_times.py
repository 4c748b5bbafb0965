"""Times are compared as points in time, whatever type and unit a file has them in."""

from collections.abc import Callable
from datetime import date, datetime, timezone
from decimal import Decimal
from itertools import permutations
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from mclrec_tf.data.event_log.reader import EventLogError, EventLogFormat
from mclrec_tf.data.interactions import Interactions, load_interactions

DAY = 86_400
FIRST = 20_000  # a day of 2024
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def timestamps(unit: str, zone: str | None = None) -> Callable[[list[int]], pyarrow.Array]:
    def make(days: list[int]) -> pyarrow.Array:
        counts = pyarrow.array([day * DAY * PER_SECOND[unit] for day in days], pyarrow.int64())
        return counts.cast(pyarrow.timestamp(unit, zone))

    return make


def texts(form: str) -> Callable[[list[int]], pyarrow.Array]:
    def make(days: list[int]) -> pyarrow.Array:
        return pyarrow.array(
            [f"{datetime.fromtimestamp(day * DAY, timezone.utc):{form}}" for day in days]
        )

    return make


POINTS_IN_TIME = {
    **{unit: timestamps(unit) for unit in PER_SECOND},
    "zone": timestamps("us", "Asia/Tokyo"),
    "date32": lambda days: pyarrow.array([date.fromordinal(719_163 + day) for day in days]),
    "date64": lambda days: pyarrow.array(
        [date.fromordinal(719_163 + day) for day in days], pyarrow.date64()
    ),
    "day": texts("%Y-%m-%d"),
    "ISO": texts("%Y-%m-%dT%H:%M:%S.000Z"),
    "offset": texts("%Y-%m-%d %H:%M:%S+00:00"),
    "seconds": lambda days: pyarrow.array([day * DAY for day in days]),
    "unsigned": lambda days: pyarrow.array([day * DAY for day in days], pyarrow.uint32()),
    "float": lambda days: pyarrow.array([float(day * DAY) for day in days]),
    "decimal": lambda days: pyarrow.array([Decimal(day * DAY) for day in days]),
    "decimals": lambda days: pyarrow.array([f"{day * DAY}.0" for day in days]),
    "dictionary": lambda days: texts("%Y-%m-%d")(days).dictionary_encode(),
}
NUMBERS = {
    "s": lambda days: pyarrow.array([day * DAY for day in days]),
    "ms": lambda days: pyarrow.array([day * DAY * 10**3 for day in days]),
    "us": lambda days: pyarrow.array([str(day * DAY * 10**6) for day in days]),
    "ns": lambda days: pyarrow.array([Decimal(day * DAY * 10**9) for day in days]),
}


def write(path: Path, days: list[int], times: pyarrow.Array, users: str = "ab") -> None:
    table = pyarrow.table(
        {
            "user_id": [user for user in users for _ in days],
            "item_id": [f"i{day}" for day in days] * len(users),
            "timestamp": pyarrow.concat_arrays([times] * len(users))
            if not isinstance(times, pyarrow.DictionaryArray)
            else pyarrow.array(times.to_pylist() * len(users)).dictionary_encode(),
        }
    )
    parquet.write_table(table, path, version="2.6")


def histories(log: Interactions) -> list[list[str]]:
    return [[log.item_ids[item - 1] for item in history] for history in log.histories]


@pytest.mark.parametrize(("first", "second"), permutations(POINTS_IN_TIME, 2))
def test_points_in_time_of_two_types_are_in_order(tmp_path: Path, first: str, second: str):
    days = [FIRST, FIRST + 1, FIRST + 2, FIRST + 3]
    # The later days come first in the log.
    write(tmp_path / "a.parquet", days[2:], POINTS_IN_TIME[first](days[2:]))
    write(tmp_path / "b.parquet", days[:2], POINTS_IN_TIME[second](days[:2]))
    log = load_interactions(tmp_path, k_core=0)
    assert histories(log) == [[f"i{day}" for day in days]] * 2
    assert log.timestamps.tolist() == [day * DAY for day in days] * 2


@pytest.mark.parametrize(("first", "second"), permutations(NUMBERS, 2))
def test_numbers_of_two_units_are_refused(tmp_path: Path, first: str, second: str):
    days = [FIRST, FIRST + 1]
    write(tmp_path / "a.parquet", days, NUMBERS[first](days))
    write(tmp_path / "b.parquet", days, NUMBERS[second](days))
    with pytest.raises(EventLogError, match="a.parquet") as error:
        load_interactions(tmp_path, k_core=0)
    assert "b.parquet" in str(error.value)


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("kind", sorted(POINTS_IN_TIME))
def test_points_in_time_beside_numbers_of_another_unit_are_refused(
    tmp_path: Path, kind: str, unit: str
):
    days = [FIRST, FIRST + 1]
    write(tmp_path / "a.parquet", days, POINTS_IN_TIME[kind](days))
    write(tmp_path / "b.parquet", days, NUMBERS[unit](days))
    with pytest.raises(EventLogError, match="b.parquet"):
        load_interactions(tmp_path, k_core=0)


@pytest.mark.parametrize("unit", sorted(NUMBERS))
def test_a_row_of_another_unit_is_told(tmp_path: Path, unit: str):
    days = [FIRST, FIRST + 1, FIRST + 2, FIRST + 3]
    lines = [f"{u},i{day},{NUMBERS[unit]([day])[0]}\n" for u in "abc" for day in days]
    other = "ms" if unit == "s" else "s"
    lines.insert(7, f"a,i9,{NUMBERS[other]([FIRST])[0]}\n")
    (tmp_path / "log.csv").write_text("user_id,item_id,timestamp\n" + "".join(lines))
    with pytest.raises(EventLogError, match="row 9, column timestamp: looks like"):
        load_interactions(tmp_path / "log.csv", k_core=0, max_bad_rows=0.0)
    assert len(load_interactions(tmp_path / "log.csv", k_core=0, max_bad_rows=0.1).timestamps) == 12


def test_half_of_the_rows_in_another_unit_is_no_log(tmp_path: Path):
    lines = [
        f"{u},i{day},{NUMBERS['s']([day])[0]}\n" for u in "ab" for day in range(FIRST, FIRST + 3)
    ]
    lines += [
        f"{u},i{day},{NUMBERS['ms']([day])[0]}\n" for u in "ab" for day in range(FIRST, FIRST + 3)
    ]
    (tmp_path / "log.csv").write_text("user_id,item_id,timestamp\n" + "".join(lines))
    with pytest.raises(EventLogError, match="log.csv: .*mixes units: row 2 .*row 8 "):
        load_interactions(tmp_path / "log.csv", k_core=0)


@pytest.mark.parametrize(
    "times",
    [
        ["2026-01-01T00:00:00.2", "2026-01-01T00:00:00.1", "2026-01-01T00:00:00.15"],
        ["2026-01-01T01:00:00.2+01:00", "2025-12-31T22:00:00.1-0200", "2026-01-01T00:00:00.15Z"],
        ["1767225600.2", "1767225600.1", "1767225600.15"],
        ["1767225600000.2", "1767225600000.1", "1767225600000.15"],
        ["-5.1", "-5.2", "-5.15"],
        ["1767225600.000000003", "1767225600.000000001", "1767225600.000000002"],
    ],
)
def test_fractions_of_a_second_order_events(tmp_path: Path, times: list[str]):
    rows = [
        f"{user},{item},{time}\n" for user in "ab" for item, time in zip("zxy", times, strict=True)
    ]
    (tmp_path / "log.csv").write_text("user_id,item_id,timestamp\n" + "".join(rows))
    log = load_interactions(tmp_path / "log.csv", k_core=0)
    assert histories(log) == [["x", "y", "z"]] * 2


def test_rows_that_are_left_out_do_not_decide_what_times_are(tmp_path: Path):
    """As the first block of a large file may hold none that counts."""
    rows = [f"a,x,view,2026-01-0{day}\n" for day in (3, 1, 2)]
    noise = "n,n,buy,2026-01-01\n" * 100_000
    (tmp_path / "log.csv").write_text(
        "user_id,item_id,event,timestamp\n"
        + noise
        + "".join(rows)
        + "".join(rows).replace("a,x", "b,y")
    )
    log = load_interactions(tmp_path / "log.csv", EventLogFormat(where="event == 'view'"), k_core=0)
    assert log.timestamps.tolist()[:3] == [1767225600, 1767225600 + DAY, 1767225600 + 2 * DAY]
    assert log.report.filtered == 100_000


def test_types_that_hold_no_time_are_refused(tmp_path: Path):
    for name, array in {
        "bool": pyarrow.array([True, False]),
        "list": pyarrow.array([[1], [2]]),
        "time": pyarrow.array([1, 2], pyarrow.time32("s")),
        "duration": pyarrow.array([1, 2], pyarrow.duration("s")),
    }.items():
        table = pyarrow.table({"user_id": ["a", "b"], "item_id": ["x", "y"], "timestamp": array})
        parquet.write_table(table, tmp_path / f"{name}.parquet")
        with pytest.raises(EventLogError, match=f"{name}.parquet.*'timestamp' are of type"):
            load_interactions(tmp_path / f"{name}.parquet", k_core=0)
