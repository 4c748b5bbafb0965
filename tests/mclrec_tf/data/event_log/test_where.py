"""A filter keeps the rows that it says, in every format, and what it cannot compare is told."""

import json
import operator
from pathlib import Path

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from mclrec_tf.data.event_log.reader import (
    Event,
    EventLogError,
    EventLogFormat,
    RowProblem,
    read_events,
)
from mclrec_tf.data.event_log.where import Where

OPERATORS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def keeps(where: str, *values: str) -> list[bool]:
    mask, problems = Where(where).keeps({"x": pyarrow.array([*values])}, len(values))
    assert not problems
    return mask.tolist()


@given(st.sampled_from([*OPERATORS]), st.integers(-9, 9), st.lists(st.integers(-9, 9), min_size=1))
def test_numbers_are_compared_as_numbers(name: str, constant: int, values: list[int]):
    expected = [OPERATORS[name](value, constant) for value in values]
    assert keeps(f"x {name} {constant}", *map(str, values)) == expected
    assert keeps(f"x {name} {constant}", *(f"{value}.0" for value in values)) == expected


@given(st.sampled_from([*OPERATORS]), st.text("ab'\" 1"), st.lists(st.text("ab'\" 1"), min_size=1))
def test_texts_are_compared_as_texts(name: str, constant: str, values: list[str]):
    expected = [OPERATORS[name](value, constant) for value in values]
    assert keeps(f"x {name} {constant!r}", *values) == expected


def test_words_join_comparisons():
    values = [str(n) for n in range(6)]
    assert keeps("x > 1 and x < 4", *values) == [1 < n < 4 for n in range(6)]
    assert keeps("1 < x < 4", *values) == [1 < n < 4 for n in range(6)]
    assert keeps("x < 1 or not x < 4", *values) == [n < 1 or n >= 4 for n in range(6)]
    assert keeps("x in (1, 5)", *values) == [n in (1, 5) for n in range(6)]
    assert keeps("x not in ('1', '5')", *values) == [n not in (1, 5) for n in range(6)]
    assert keeps("x == true", "true", "True", "false", "") == [True, True, False, False]
    assert keeps("x >= 0", "", "0") == [False, True]


@pytest.mark.parametrize(
    "where",
    [
        "event",
        "event = 'view'",
        "event == view",
        "'a' == 'b'",
        "len(event) > 3",
        "event == 'view' and",
        "__import__('os').getcwd() == 'x'",
        "event in 'view'",
        "event in ('a', 1)",
        "rating + 1 > 4",
        "(" * 200,
        "not " * 10_000 + "x == 1",
        "x == 1\0",
        "rating >= 4; x",
    ],
)
def test_what_is_no_filter_is_refused_at_once(where: str):
    with pytest.raises(ValueError, match="where"):
        EventLogFormat(where=where)


ROWS = [
    {"user_id": "ann", "item_id": "tea", "timestamp": 1, "rating": 5, "event": "view"},
    {"user_id": "ann", "item_id": "rum", "timestamp": 2, "rating": 3, "event": "view"},
    {"user_id": "bob", "item_id": "gin", "timestamp": 3, "rating": 4, "event": "buy"},
]


def _write(folder: Path, kind: str) -> None:
    names = [*ROWS[0]]
    if kind == "csv":
        lines = [names, *([str(row[name]) for name in names] for row in ROWS)]
        (folder / "log.csv").write_text("\n".join(map(",".join, lines)))
    elif kind == "json":
        (folder / "log.json").write_text("\n".join(map(json.dumps, ROWS)))
    elif kind == "parquet":
        parquet.write_table(pyarrow.Table.from_pylist(ROWS), folder / "log.parquet")
    else:
        for row in ROWS:
            inner = folder / f"event={row['event']}" / f"rating={row['rating']}"
            inner.mkdir(parents=True)
            line = f"{row['user_id']},{row['item_id']},{row['timestamp']}\n"
            (inner / "part-0.csv").write_text("user_id,item_id,timestamp\n" + line)


@pytest.mark.parametrize("kind", ["csv", "json", "parquet", "folders"])
@pytest.mark.parametrize(
    ("where", "items"),
    [
        ("rating >= 4", ["tea", "gin"]),
        ("event == 'view'", ["tea", "rum"]),
        ("event == 'view' and rating > 3.5", ["tea"]),
        ("user_id != 'ann'", ["gin"]),
        ("timestamp in (1, 2)", ["tea", "rum"]),
    ],
)
def test_every_format_is_filtered_alike(tmp_path: Path, kind: str, where: str, items: list[str]):
    _write(tmp_path, kind)
    found = [*read_events(tmp_path, EventLogFormat(where=where))]
    assert sorted(row.item_id for row in found if isinstance(row, Event)) == sorted(items)
    assert len(found) == len(items)


def test_what_cannot_be_compared_is_a_problem(tmp_path: Path):
    (tmp_path / "log.csv").write_text(
        "user_id,item_id,timestamp,rating\nann,tea,1,5\nann,rum,2,good\nann,gin,3,\n"
    )
    event, problem = read_events(tmp_path / "log.csv", EventLogFormat(where="rating >= 4"))
    assert event == Event("ann", "tea", 1)
    assert isinstance(problem, RowProblem)
    assert (problem.row, problem.column, problem.value) == (3, "rating", "good")


def test_a_column_that_is_not_there_is_refused(tmp_path: Path):
    (tmp_path / "log.csv").write_text("user_id,item_id,timestamp\nann,tea,1\n")
    with pytest.raises(EventLogError, match="log.csv.*'rating'.*--where"):
        [*read_events(tmp_path / "log.csv", EventLogFormat(where="rating >= 4"))]
