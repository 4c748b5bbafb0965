"""Column types of Parquet logs."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from mclrec_tf.data.event_log.preview import preview
from mclrec_tf.data.event_log.reader import (
    Event,
    EventLogError,
    EventLogFormat,
    RowProblem,
    read_events,
)
from mclrec_tf.data.event_log.values.column_texts import column_texts


def write(folder: Path, **columns: Any) -> str:
    path = str(folder / "log.parquet")
    parquet.write_table(pyarrow.table(columns), path)
    return path


def read(path: str) -> list[Event | RowProblem]:
    return list(read_events(path, EventLogFormat()))


def test_integer_ids_become_text(tmp_path: Path) -> None:
    path = write(tmp_path, item_id=[7, -1], extra=[0, 0], timestamp=[1, 2], user_id=["a", "b"])
    assert read(path) == [Event("a", "7", 1), Event("b", "-1", 2)]


@pytest.mark.parametrize("kind", ["string", "large_string", "binary", "large_binary"])
def test_text_types_are_ids(tmp_path: Path, kind: str) -> None:
    users = pyarrow.array(["ä", "b"]).cast(getattr(pyarrow, kind)())
    assert read(write(tmp_path, user_id=users, item_id=[1, 1], timestamp=[1, 2])) == [
        Event("ä", "1", 1),
        Event("b", "1", 2),
    ]


@pytest.mark.skipif(not hasattr(pyarrow, "string_view"), reason="pyarrow has no views yet")
@pytest.mark.parametrize("kind", ["string_view", "binary_view"])
def test_views_are_read(tmp_path: Path, kind: str) -> None:
    """Also where rows are left out, and where the values are no ids."""
    columns = {
        "user_id": ["ä", "b", "b", "", "c"],
        "item_id": ["tea", "a name of more than twelve bytes", "x", "y", None],
        "timestamp": ["1", "2", "3", "4", "5"],
        "event": ["view", "view", "sale", "view", "view"],
    }
    type_ = getattr(pyarrow, kind)()
    views = {
        name: pyarrow.array(
            [v.encode() if v and kind == "binary_view" else v for v in values], type_
        )
        for name, values in columns.items()
    }
    assert column_texts(views["item_id"]) == ["tea", columns["item_id"][1], "x", "y", ""]
    try:
        path = write(tmp_path, **views)
    except pyarrow.ArrowNotImplementedError:
        pytest.skip("this pyarrow writes no views")
    assert str(parquet.read_schema(path).field("user_id").type) == kind
    found = list(read_events(path, EventLogFormat(where="event == 'view'")))
    assert found[:2] == [Event("ä", "tea", 1), Event("b", columns["item_id"][1], 2)]
    assert [problem.column for problem in found[2:]] == ["user_id", "item_id"]
    assert preview(path, EventLogFormat()).names == tuple(columns)


def test_dictionary_encoded_ids_are_ids(tmp_path: Path) -> None:
    items = pyarrow.array(["tea", "rum", "tea"]).dictionary_encode()
    path = write(tmp_path, user_id=["a"] * 3, item_id=items, timestamp=[1, 2, 3])
    assert [event.item_id for event in read(path)] == ["tea", "rum", "tea"]


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (pyarrow.array([1.5, -1.5]), [1, -2]),
        (pyarrow.array([1.5e15, 2.0]), [1_500_000_000_000_000, 2]),
        (pyarrow.array(["17", " 18.9"]), [17, 18]),
        (pyarrow.array([2**63 - 1, 0], pyarrow.uint64()), [2**63 - 1, 0]),
        (pyarrow.array([Decimal("1.5"), Decimal(2)]), [1, 2]),
        (pyarrow.array([datetime(1970, 1, 2)] * 2, pyarrow.timestamp("s")), [86_400] * 2),
        (pyarrow.array([datetime(1970, 1, 2)] * 2, pyarrow.timestamp("us")), [86_400] * 2),
        (pyarrow.array([datetime(1970, 1, 2)] * 2, pyarrow.timestamp("ns", "UTC")), [86_400] * 2),
        (pyarrow.array([datetime(1970, 1, 2)] * 2, pyarrow.date32()), [86_400] * 2),
        (pyarrow.array([datetime(1970, 1, 2)] * 2, pyarrow.date64()), [86_400] * 2),
        (pyarrow.array(["1970-01-02", "1970-01-02T01:00:00+01:00"]), [86_400] * 2),
    ],
)
def test_times_are_seconds_of_dates_and_otherwise_the_numbers_of_the_log(
    tmp_path: Path, times: Any, expected: list[int]
) -> None:
    path = write(tmp_path, user_id=["a", "b"], item_id=["x", "y"], timestamp=times)
    assert [event.timestamp for event in read(path)] == expected


def test_nulls_and_bad_values_are_problems_of_their_rows(tmp_path: Path) -> None:
    found = read(
        write(
            tmp_path,
            user_id=[None, "a", "a", "a", "b"],
            item_id=pyarrow.array([b"x", b"", b"\xff", b"x", b"x"]).cast("binary"),
            timestamp=[1.0, 1.0, 1.0, float("nan"), 5.0],
        )
    )
    problems = [(row.row, row.column, row.reason) for row in found[:-1]]
    assert problems == [
        (1, "user_id", "is empty"),
        (2, "item_id", "is empty"),
        (3, "item_id", "is not UTF-8"),
        (4, "timestamp", "is not a number"),
    ]
    assert found[-1] == Event("b", "x", 5)


def test_rows_are_numbered_through_all_batches(tmp_path: Path) -> None:
    rows = 70_000
    items = ["x"] * (rows - 1) + [""]
    found = read(write(tmp_path, user_id=[1] * rows, item_id=items, timestamp=[1] * rows))
    assert [row.row for row in found if isinstance(row, RowProblem)] == [rows]


def test_whole_numbers_that_are_stored_as_fractions_are_ids(tmp_path: Path) -> None:
    # As pandas stores integers as soon as one is missing.
    path = write(tmp_path, user_id=[1.0, None, 0.5], item_id=["x"] * 3, timestamp=[1, 2, 3])
    event, *problems = read(path)
    assert event == Event("1", "x", 1)
    assert [(p.row, p.column, p.reason) for p in problems if isinstance(p, RowProblem)] == [
        (2, "user_id", "is empty"),
        (3, "user_id", "is a fraction"),
    ]


def test_ids_of_other_types_are_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, user_id=[[1]], item_id=["x"], timestamp=[1])
    with pytest.raises(EventLogError, match="'user_id' are of type list.*Write them as integers"):
        read(path)


def test_times_that_are_no_numbers_are_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, user_id=["a"], item_id=["x"], timestamp=[True])
    with pytest.raises(EventLogError, match="'timestamp' are of type bool"):
        read(path)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, user_id=["a"], item_id=["x"])
    with pytest.raises(EventLogError, match="no column 'timestamp'.*--timestamp-column"):
        read(path)


def test_a_file_without_rows_is_an_error(tmp_path: Path) -> None:
    none = pyarrow.array([], pyarrow.string())
    with pytest.raises(EventLogError, match="it has no rows"):
        read(write(tmp_path, user_id=none, item_id=none, timestamp=none))


def test_a_damaged_file_is_an_error(tmp_path: Path) -> None:
    path = Path(write(tmp_path, user_id=["a"], item_id=["x"], timestamp=[1]))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(EventLogError, match="log.parquet: .*cannot be read"):
        read(str(path))
