"""The features of items are those that the table has, whatever its form, or it is refused."""

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from mclrec_tf.data.item_features import ItemFeatures
from mclrec_tf.data.item_features_table import read_item_features
from mclrec_tf.data.item_table_rows import ItemTableError

GENRES = {"old": ["comedy", "drama"], "gone": [], "up": ["drama"], "new": []}
LOOKS = {"old": [1, 0.5], "gone": [0, 0], "up": [0, -1e-3], "new": [0, 0]}
CSV = (
    "item_id,title,genres,look\n"
    "up,Up, drama ,0 -1e-3\n"
    "old,Old,drama|comedy|drama,1 0.5\n"
    "new,New,,\n"
)
IN_BRACKETS = CSV.replace("1 0.5", '"[1, .5]"').replace("0 -1e-3", "[0  -0.001]")
JSON = [
    {"item_id": "up", "title": "Up", "genres": ["drama"], "look": [0, -1e-3]},
    {"item_id": "old", "title": "Old", "genres": ["drama", "comedy"], "look": [1, 0.5]},
    {"item_id": "new", "title": "New", "genres": None},
]


def parquet_bytes(table: pyarrow.Table) -> bytes:
    sink = pyarrow.BufferOutputStream()
    parquet.write_table(table, sink)
    return sink.getvalue().to_pybytes()


def typed(look: pyarrow.DataType, genres: pyarrow.DataType) -> bytes:
    columns = {name: [row.get(name) for row in JSON] for name in JSON[0]}
    arrays = {"look": look, "genres": genres}
    return parquet_bytes(
        pyarrow.table({n: pyarrow.array(v, arrays.get(n)) for n, v in columns.items()})
    )


FORMS = {
    "csv": CSV.encode(),
    "brackets": IN_BRACKETS.encode(),
    "tsv": CSV.replace(",", "\t").encode(),
    "utf-16": CSV.encode("utf-16"),
    "gzip": gzip.compress(CSV.encode(), mtime=0),
    "recbole": (
        "item_id:token\ttitle:token_seq\tgenres:token_seq\tlook:float_seq\n"
        + CSV.partition("\n")[2].replace(",", "\t")
    ).encode(),
    "json": "".join(json.dumps(row) + "\n" for row in JSON).encode(),
    "parquet": typed(pyarrow.list_(pyarrow.float32()), pyarrow.list_(pyarrow.string())),
    "large": typed(
        pyarrow.large_list(pyarrow.float64()),
        pyarrow.large_list(pyarrow.dictionary(pyarrow.int8(), pyarrow.string())),
    ),
}


def by_item(features: ItemFeatures, items: list[str]) -> tuple[dict, dict]:
    genres = {i: sorted(features.categories["genres"].of_item(n)) for n, i in enumerate(items, 1)}
    looks = {i: features.vectors["look"][n].tolist() for n, i in enumerate(items, 1)}
    return genres, looks


@pytest.mark.parametrize("content", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("named", [False, True])
def test_every_form_tells_the_same(tmp_path: Path, content: bytes, named: bool) -> None:
    (tmp_path / "items").write_bytes(content)
    columns = {"categories": ["genres"], "vectors": ["look"]} if named else {}
    features, items, report = read_item_features(tmp_path / "items", ["old", "gone"], **columns)
    assert items == ["old", "gone", "up", "new"]
    assert features.num_items == 4 and features.num_cold == 2
    genres, looks = by_item(features, items)
    assert genres == GENRES
    assert looks == {i: np.array(v, np.float32).tolist() for i, v in LOOKS.items()}
    assert (report.known, report.new, report.missing, report.first_missing) == (1, 2, 1, ("gone",))
    assert {*report.used} == {"genres", "look"}
    assert report.left_out == ({} if named else {"title": "most items have a value of their own"})
    assert "'gone'" in report.sentences()[-1]


def test_a_list_keeps_its_values_whole(tmp_path: Path) -> None:
    rows = [{"item_id": 1, "tags": ["a|b", " c "]}, {"item_id": 2, "tags": "a|b"}]
    (tmp_path / "i.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    features, *_ = read_item_features(tmp_path / "i.jsonl", ["1", "2"], categories=["tags"])
    tags = features.categories["tags"]
    assert tags.of_item(1) == ("a|b", "c") and tags.of_item(2) == ("a", "b")


@pytest.mark.parametrize(
    ("ids", "alike", "first"),
    [
        ([" 7", "8 ", "9 "], 2, (" 7", "7")),
        (["7.0", "8", "007", "70"], 2, ("7.0", "7")),
        (["7", " 10", "10"], 1, ("10", " 10")),
        (["7", "0", "00", "0.0"], 2, ("00", "0")),
        (["7", "7.5", "70", "08x", "x", "a b", " 1"], 0, ()),
    ],
)
def test_new_ids_like_others_but_for_their_writing_are_told(
    tmp_path: Path, ids: list[str], alike: int, first: tuple[str, ...]
) -> None:
    rows = "".join(f"{item},k{n % 2}\n" for n, item in enumerate([*ids, "u", "v"]))
    (tmp_path / "i.csv").write_text("item_id,kind\n" + rows)
    known = ["7", "8", " 1", "v"]
    *_, report = read_item_features(tmp_path / "i.csv", known)
    assert (report.alike, report.first_alike) == (alike, first)
    told = [line for line in report.sentences() if "written otherwise" in line]
    assert bool(told) == bool(alike)
    assert all(f"{first[0]!r} beside {first[1]!r}" in line for line in told)


def test_the_order_of_the_rows_does_not_matter_to_known_items(tmp_path: Path) -> None:
    header, *rows = CSV.splitlines(keepends=True)
    ids = ["old", "new", "up"]
    found = []
    for name, order in (("a.csv", rows), ("b.csv", rows[::-1])):
        (tmp_path / name).write_text(header + "".join(order))
        features, items, _ = read_item_features(tmp_path / name, ids)
        assert items == ids
        found.append(features)
    for one in found[1:]:
        assert one.categories["genres"].values == found[0].categories["genres"].values
        np.testing.assert_array_equal(one.vectors["look"], found[0].vectors["look"])


def test_columns_that_tell_nothing_are_left_out(tmp_path: Path) -> None:
    head = "item_id,brand,year,blank,shop,weights\n"
    rows = [f"{i},b{i % 3},{1990 + i % 7},,here,{i} .5\n" for i in range(50)]
    (tmp_path / "i.csv").write_text(head + "".join(rows))
    features, _, report = read_item_features(tmp_path / "i.csv", [str(i) for i in range(50)])
    assert {*features.categories} == {"brand", "year"} and {*features.vectors} == {"weights"}
    assert report.left_out == {"blank": "is empty", "shop": "says the same of all items"}
    named, *_ = read_item_features(tmp_path / "i.csv", ["0"], categories=["shop"])
    assert named.categories["shop"].values == ("here",)


GUESSES = {
    "0.5 1": "vectors",
    "[1, 5e-1]": "vectors",
    "[1. 0.]": "vectors",
    "1 -.5": "vectors",
    "10 20 30": "category",
    "2024 01 02": "category",
    "[3, 4]": "category",
    "3|4": "category",
    "1.5|2.5": "category",
    "10.5": "category",
    '"1,299.50"': "category",
    "1.2.2024 v": "category",
}


@pytest.mark.parametrize(("field", "kind"), GUESSES.items())
@pytest.mark.parametrize("empty", [0, 70_000])
def test_vectors_are_several_numbers_with_fractions(
    tmp_path: Path, field: str, kind: str, empty: int
) -> None:
    """The first fields that are not empty tell it, however late they are."""
    field = field if field.startswith('"') else f'"{field}"'
    none = "".join(f"x{n},k,\n" for n in range(empty))
    (tmp_path / "i.csv").write_text(f"item_id,kind,v\n{none}a,k,{field}\nb,l,{field}\nc,l,\n")
    features, *_ = read_item_features(tmp_path / "i.csv", ["a", "b"])
    assert ("v" in features.vectors) == (kind == "vectors")
    assert ("v" in features.categories) == (kind == "category")
    assert [*features.categories][0] == "kind"


def test_whole_numbers_that_no_two_items_share_may_be_vectors(tmp_path: Path) -> None:
    rows = "".join(f"{n},k{n % 2},{n} {-n},title {n}\n" for n in range(9))
    (tmp_path / "i.csv").write_text("item_id,kind,v,title\n" + rows)
    *_, report = read_item_features(tmp_path / "i.csv", ["1"])
    own = "most items have a value of their own"
    assert report.left_out == {"v": f"{own}; name it if these are vectors", "title": own}


def test_not_a_number_among_whole_ones_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "i.csv").write_text("item_id,v\n1,1 2\n2,3 nan\n")
    refuse(tmp_path / "i.csv", "row 3, column v: is not a finite number")


def test_a_column_that_only_a_later_file_fills(tmp_path: Path) -> None:
    for number, v in enumerate([[None], [[]], [[0.5, 1]]]):
        table = pyarrow.table({"item_id": [number], "v": pyarrow.array(v)})
        (tmp_path / f"part-{number}").write_bytes(parquet_bytes(table))
    features, *_ = read_item_features(tmp_path, ["0", "1", "2"])
    assert features.vectors["v"].tolist() == [[0, 0], [0, 0], [0, 0], [0.5, 1]]


@pytest.mark.parametrize("before", [0, 1500])
@pytest.mark.parametrize("field", ["nan nan", "0.5 x", "nan", "[0.5, null]", "0.5", "none"])
def test_a_bad_field_among_vectors_is_an_error(tmp_path: Path, before: int, field: str) -> None:
    rows = [f"x{n},{n} 2.5\n" for n in range(1600)]
    rows.insert(before, f'a,"{field}"\n')
    (tmp_path / "i.csv").write_text("item_id,v\n" + "".join(rows))
    row = before + 2 if field != "0.5" or before else 3  # where the widths differ
    refuse(tmp_path / "i.csv", f"row {row}, column v: .*name the columns to use", ["a"])


@pytest.mark.parametrize(
    "field", ["0.1,0.2", "0.1; 0.2", "[0.1;0.2]", "(0.1, 0.2)", "{0.1,0.2}", "[0.1 0.2 ... 0.3]"]
)
def test_vectors_in_another_form_are_told_which_is_wanted(tmp_path: Path, field: str) -> None:
    (tmp_path / "i.csv").write_text(f'item_id,v\na,\nb,"{field}"\nc,"{field}"\n')
    refuse(tmp_path / "i.csv", r"row 3, column v: is not a number.*between spaces, 0\.5 -2", ["a"])


def test_whole_numbers_in_lists_are_categories(tmp_path: Path) -> None:
    table = pyarrow.table({"item_id": [1, 2, 3], "xy": [[1, 2]] * 2 + [[3, 4]]})
    (tmp_path / "i.parquet").write_bytes(parquet_bytes(table))
    features, *_ = read_item_features(tmp_path / "i.parquet", ["1", "2", "3"])
    assert features.categories["xy"].values == ("1", "2", "3", "4")
    named, *_ = read_item_features(tmp_path / "i.parquet", ["1", "2", "3"], vectors=["xy"])
    assert named.vectors["xy"].tolist() == [[0, 0], [1, 2], [1, 2], [3, 4]]


def test_lists_of_a_fixed_size(tmp_path: Path) -> None:
    vectors = pyarrow.array([[1, 2], [3, 4]], pyarrow.list_(pyarrow.float32(), 2))
    table = pyarrow.table({"item_id": ["a", "b"], "v": vectors})
    (tmp_path / "i.parquet").write_bytes(parquet_bytes(table))
    features, *_ = read_item_features(tmp_path / "i.parquet", ["b"])
    assert features.vectors["v"].tolist() == [[0, 0], [3, 4], [1, 2]]


def test_parts_of_a_folder_are_one_table(tmp_path: Path) -> None:
    (tmp_path / "part-0.csv").write_text("item_id,kind,v\na,x,1 .5\n")
    (tmp_path / "part-1.csv").write_text("v,kind,item_id\n3 4,x|y,b\n5 6,y,c\n")
    features, items, _ = read_item_features(tmp_path, ["c", "b"])
    assert items == ["c", "b", "a"]
    assert features.categories["kind"].of_item(2) == ("x", "y")
    assert features.vectors["v"].tolist() == [[0, 0], [5, 6], [3, 4], [1, 0.5]]


def test_rows_that_repeat_another_are_one_item(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(
        "user_id,item_id,kind,v\nu,a,x|y,1 2\nv,b,x,\nw,a,y|x,[1 2]\n"
    )
    features, items, _ = read_item_features(tmp_path / "log.csv", ["b"], ["kind"], ["v"])
    assert items == ["b", "a"]
    assert features.categories["kind"].of_item(2) == ("x", "y")


def test_more_rows_than_a_batch(tmp_path: Path) -> None:
    count = 70_000
    lines = [f"{i},k{i % 7}|k{i % 5},{i} {-i / 4}\n" for i in range(count)]
    (tmp_path / "i.csv").write_text("item_id,kind,v\n" + "".join(lines))
    ids = [str(i) for i in range(0, count, 2)]
    features, items, report = read_item_features(tmp_path / "i.csv", ids)
    assert report.new == count // 2
    for number in (1, 17, 35_001, count):
        i = int(items[number - 1])
        assert {*features.categories["kind"].of_item(number)} == {f"k{i % 7}", f"k{i % 5}"}
        assert features.vectors["v"][number].tolist() == [i, -i / 4]


def refuse(table: Path, message: str, items: list[str] | None = None, **columns: list[str]) -> None:
    with pytest.raises(ItemTableError, match=f"(?s){table}.*{message}"):
        read_item_features(table, items or ["1", "2"], **columns)


HEAD = "item_id,kind,v\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"{HEAD}1,a,1 2\n2,b,1 2 3\n", "row 3, column v: the vector has 3 numbers, .*row 2 has 2"),
        (f"{HEAD}1,a,1 2\n2,b,1 x\n", r"row 3, column v: is not a number \('x'\).*list of numbers"),
        (f"{HEAD}1,a,1 2\n2,b,1 nan\n", r"row 3, column v: is not a finite number .*'nan'"),
        (f"{HEAD}1,a,1 2\n2,b,1 1e39\n", r"row 3, column v: is not a finite number of 32 bits"),
        (f"{HEAD}1,a,1 2\n2,b,\"[1, null]\"\n", r"row 3, column v: is not a number \('null'\)"),
        (f"{HEAD}1,a,1 2\n2,b,1 2\n1,c,1 2\n", "row 4, column kind: the item '1' has other"),
        (f"{HEAD}1,a,1 2\n2,b,1 2\n1,a,1 3\n", "row 4, column v: the item '1' has other .*row 2"),
        (f"{HEAD}1,a,1 2\n,b,1 2\n", "row 3, column item_id: the id is empty"),
        (f'{HEAD}1,a,1 2\n"1\n2",b,1 2\n', "row 3, column item_id: the id holds a line break"),
        (f"{HEAD}1,a,1 2\n2,b\n", "row 3, column v: has fewer fields"),
        (HEAD, "has no item"),
        ("item_id\n1\n", "has one column only, 'item_id'"),
        (f"{HEAD}x,a,1 2\n", "none of its ids, such as 'x', is an item .* one is '1'"),
        ("item_id,title\n1,a\n2,b\n", "no column tells anything .* title .most items"),
        ("item_id,kind,kind\n1,a,b\n", "names the column 'kind' 2 times"),
        ("item_id,v\n1,1 2\n2,caf\xe9\n".encode("latin1"), "row 3, column v: is not UTF-8"),
        (b"PAR1 and no more", "not Parquet"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    table = tmp_path / "items.csv"
    table.write_bytes(content if isinstance(content, bytes) else content.encode())
    with_vectors = table.read_bytes().startswith(HEAD.encode())
    refuse(table, message, **({"categories": ["kind"], "vectors": ["v"]} if with_vectors else {}))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"categories": ["genre"]}, "has no column 'genre'. Its columns are: 'item_id', 'kind'"),
        ({"vectors": ["item_id"]}, "'item_id' is the column with the ids"),
        ({"categories": ["v"], "vectors": ["v"]}, "and each once, got v, v"),
        ({"categories": []}, "name at least one column"),
        ({"vectors": ["none"]}, "the column 'none' holds nothing"),
        ({"categories": ["none"]}, "the column 'none' holds nothing"),
        ({"vectors": ["kind"]}, "row 2, column kind: is not a number"),
    ],
)
def test_columns_that_cannot_be_used_are_refused(
    tmp_path: Path, columns: dict[str, list[str]], message: str
) -> None:
    (tmp_path / "items.csv").write_text("item_id,kind,v,none\n1,a,1 2,\n2,a,,\n")
    refuse(tmp_path / "items.csv", message, **columns)


def test_lists_of_lists_are_refused(tmp_path: Path) -> None:
    table = pyarrow.table({"item_id": [1], "v": [[[1.0]]]})
    (tmp_path / "i.parquet").write_bytes(parquet_bytes(table))
    message = "values in column 'v' are of type list<.*lists of them"
    refuse(tmp_path / "i.parquet", message, vectors=["v"])
    refuse(tmp_path / "i.parquet", "no column tells anything of the items: v .is of type list<")


def test_columns_of_other_types_are_left_out_unless_they_are_named(tmp_path: Path) -> None:
    table = pyarrow.table({"item_id": [1, 2, 3], "k": ["a", "a", "b"], "d": [{"x": 1}] * 3})
    (tmp_path / "i.parquet").write_bytes(parquet_bytes(table))
    *_, report = read_item_features(tmp_path / "i.parquet", ["1"])
    assert report.left_out == {"d": "is of type struct<x: int64>"}
    refuse(tmp_path / "i.parquet", "values in column 'd' are of type struct", categories=["d"])


def test_a_value_that_only_late_objects_have(tmp_path: Path) -> None:
    late = [{"v": [n, 1]} if n > 9000 else {} for n in range(9500)]
    rows = [{"item_id": n, "text": "x" * 100} | more for n, more in enumerate(late)]
    (tmp_path / "i.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    features, *_ = read_item_features(tmp_path / "i.jsonl", ["9001", "1"], vectors=["v"])
    assert features.vectors["v"][:3].tolist() == [[0, 0], [9001, 1], [0, 0]]
    refuse(tmp_path / "i.jsonl", "the column 'w' holds nothing for any item", vectors=["w"])


def test_brackets_that_are_no_list_are_a_value(tmp_path: Path) -> None:
    deep = "[" * 100_000 + "]" * 100_000
    table = tmp_path / "i.csv"
    table.write_text(f"item_id,k\n1,[draft]\n2,{deep}\n3,[draft]|[x]\n")
    features, *_ = read_item_features(table, ["1"], categories=["k"])
    assert features.categories["k"].of_item(3) == ("[draft]", "[x]")
    assert features.categories["k"].of_item(2) == (deep,)


@pytest.mark.parametrize(
    "field", ["['x', 'y']", "['x' 'y']", "['x', None]", "[None, 'x']", "['x']"]
)
def test_lists_as_python_writes_them_are_refused(tmp_path: Path, field: str) -> None:
    (tmp_path / "i.csv").write_text(f'item_id\tk\n1\t["x", "y"]\n2\t{field}\n')
    refuse(tmp_path / "i.csv", r"row 3, column k: is a list as Python writes it.*x\|y", ["1"])
    refuse(tmp_path / "i.csv", "row 3, column k: is a list", ["1"], categories=["k"])


def test_a_column_with_a_comma_in_its_name(tmp_path: Path) -> None:
    (tmp_path / "i.csv").write_text('item_id,"made in, by"\na,x\nb,x\n')
    features, *_ = read_item_features(tmp_path / "i.csv", ["a"], categories=["made in, by"])
    assert features.categories["made in, by"].of_item(2) == ("x",)


def test_a_title_in_json_is_no_list(tmp_path: Path) -> None:
    from mclrec_tf.data.item_table import read_item_column

    (tmp_path / "i.jsonl").write_text('{"item_id": 1, "title": ["a", "b"]}\n')
    with pytest.raises(ItemTableError, match="row 1, column title: holds a list where one value"):
        read_item_column(tmp_path / "i.jsonl", "title")


def test_files_with_unlike_columns_are_refused(tmp_path: Path) -> None:
    (tmp_path / "part-0.csv").write_text("item_id,kind\n1,a\n2,a\n")
    (tmp_path / "part-1.csv").write_text("item_id,sort\n3,a\n")
    with pytest.raises(ItemTableError, match="part-1.csv: has no column 'kind', which an earlier"):
        read_item_features(tmp_path, ["1"])


def test_a_file_that_there_is_not_is_named(tmp_path: Path) -> None:
    refuse(tmp_path / "nowhere.csv", "no such file")
