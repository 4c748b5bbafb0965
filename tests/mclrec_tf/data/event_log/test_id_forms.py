"""Ids that are written in two ways are told, with numbers."""

from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pyarrow
import pytest
from pyarrow import parquet

from mclrec_tf.data.interactions import LoadReport, load_interactions


def report(folder: Path) -> LoadReport:
    return load_interactions(folder, k_core=0).report


def write(path: Path, items: list[str], users: str = "ab", begin: int = 0) -> None:
    rows = [f"{u},{item},{begin + n}\n" for u in users for n, item in enumerate(items)]
    path.write_text("user_id,item_id,timestamp\n" + "".join(rows))


@pytest.mark.parametrize(
    ("first", "second", "note"),
    [
        (["12", "13", "14"], ["12.0", "13.0"], "column item_id: 4 of 10 ids end in .0"),
        (["12.0", "13.0"], ["12", "13", "14"], "column item_id: 4 of 10 ids end in .0"),
        (["012", "013", "014"], ["12", "13"], "column item_id: 6 of 10 ids begin with 0"),
        (["tea", "rum"], ["tea ", " rum", "gin"], "column item_id: 4 of 10 ids begin or end"),
    ],
)
def test_two_forms_in_two_files_are_told(
    tmp_path: Path, first: list[str], second: list[str], note: str
):
    write(tmp_path / "day1.csv", first)
    write(tmp_path / "day2.csv", second, begin=10)
    (found,) = report(tmp_path).notes
    assert found.startswith(note)
    assert ("day1.csv" in found) != ("day2.csv" in found)  # where the first of them stands


@pytest.mark.parametrize(
    "items",
    [["12", "13"], ["12.0", "13.0"], ["012", "013"], ["0", "1"], ["1.10", "1.2"], ["00a", "1"]],
)
def test_one_form_is_no_note(tmp_path: Path, items: list[str]):
    write(tmp_path / "log.csv", [*items, *items])
    assert report(tmp_path).notes == []


def test_users_are_told_too(tmp_path: Path):
    write(tmp_path / "day1.csv", ["x", "y", "z"], users="12")
    (tmp_path / "day2.csv").write_text(
        "user_id,item_id,timestamp\n" + "".join(f"1.0,{item},9\n" for item in "xyz")
    )
    (note,) = report(tmp_path).notes
    assert note.startswith("column user_id: 3 of 9 ids end in .0 ('1.0', ")


TYPES = {
    "int64": lambda ids: pyarrow.array(ids),
    "int16": lambda ids: pyarrow.array(ids, pyarrow.int16()),
    "uint64": lambda ids: pyarrow.array(ids, pyarrow.uint64()),
    "float": lambda ids: pyarrow.array([float(one) for one in ids]),
    "float32": lambda ids: pyarrow.array([float(one) for one in ids], pyarrow.float32()),
    "decimal": lambda ids: pyarrow.array([Decimal(one) for one in ids], pyarrow.decimal128(9, 2)),
    "text": lambda ids: pyarrow.array([str(one) for one in ids]),
    "binary": lambda ids: pyarrow.array([str(one).encode() for one in ids]),
    "dictionary": lambda ids: pyarrow.array([str(one) for one in ids]).dictionary_encode(),
    "categories": lambda ids: pyarrow.array(ids).dictionary_encode(),
}


@pytest.mark.parametrize("second", sorted(TYPES))
@pytest.mark.parametrize("first", ["int64", "float", "text"])
def test_a_number_is_one_id_whatever_its_type(tmp_path: Path, first: str, second: str):
    """As pandas makes 12 a float where a value is missing."""
    ids = [12, 7, 0, 12]
    for name, kind, begin in (("1.parquet", first, 0), ("2.parquet", second, 10)):
        table = {"user_id": TYPES[kind]([1, 1, 2, 2]), "item_id": TYPES[kind](ids)}
        times = pyarrow.array(range(begin, begin + 4))
        parquet.write_table(pyarrow.table({**table, "timestamp": times}), tmp_path / name)
    log = load_interactions(tmp_path, k_core=0)
    assert {*log.item_ids} == {"12", "7", "0"} and log.user_ids == ["1", "2"]
    assert log.report.notes == []


def test_a_uuid_is_its_text(tmp_path: Path):
    ids = [UUID(int=n) for n in (1, 2, 3, 1)]
    items = pyarrow.array([one.bytes for one in ids], pyarrow.binary(16))
    table = {"user_id": ["a", "a", "a", "b"], "item_id": items, "timestamp": [1, 2, 3, 4]}
    parquet.write_table(pyarrow.table(table), tmp_path / "1.parquet")
    write(tmp_path / "2.csv", [str(one) for one in ids], users="b", begin=10)
    assert {*load_interactions(tmp_path, k_core=0).item_ids} == {str(one) for one in ids}


def test_numbers_that_are_no_ids_are_told(tmp_path: Path):
    items = pyarrow.array([1.5, None, float("nan"), float("inf"), 1, 2, 3, 1, 2, 3])
    table = {"user_id": ["a"] * 7 + ["b"] * 3, "item_id": items, "timestamp": [*range(10)]}
    parquet.write_table(pyarrow.table(table), tmp_path / "log.parquet")
    log = load_interactions(tmp_path, k_core=0, max_bad_rows=0.5)
    assert {*log.item_ids} == {"1", "2", "3"}
    assert log.report.problems.total() == 4
