"""A column of a catalogue is read as it stands there, or refused by file, row and column."""

import bz2
import gzip
import json
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from mclrec_tf.data.item_table import read_item_column
from mclrec_tf.data.item_table_rows import ItemTableError

TITLES = {"1": "Tea, green", "2": 'The "best" jam', "3": "日本 ☕"}
ROWS = '1,"Tea, green"\n2,"The ""best"" jam"\n3,日本 ☕\n'


def values(path: Path, column: str = "title", item_column: str = "item_id") -> dict[str, str]:
    return read_item_column(path, column, item_column).values


CSV = f"item_id,title\n{ROWS}"
TSV = "".join(f"{item}\t{title}\n" for item, title in TITLES.items())
JSON = "".join(json.dumps({"item_id": int(i), "title": t}) + "\n" for i, t in TITLES.items())
# With columns before and after, and no end of the last line.
AMONG_OTHERS = """price,item_id,title,x
1,1,"Tea, green",
2,2,"The ""best"" jam",
3,3,日本 ☕,"""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("items.csv", CSV.encode()),
        ("items.txt", CSV.encode()),
        ("items.csv", CSV.encode("utf-8-sig")),
        ("items.csv", CSV.replace("\n", "\r\n").encode("utf-16")),
        ("items.tsv", f"item_id\ttitle\n{TSV}".encode()),
        ("items.item", f"item_id:token\ttitle:token_seq\n{TSV}".encode()),
        ("items.csv.gz", gzip.compress(CSV.encode(), mtime=0)),
        ("items", bz2.compress(CSV.encode())),
        ("items.jsonl", JSON.encode()),
        ("items.csv", AMONG_OTHERS.encode()),
    ],
    ids=["csv", "txt", "bom", "utf-16", "tsv", "recbole", "gzip", "bzip2", "json", "columns"],
)
def test_every_form_of_a_log_will_do(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert values(tmp_path / name) == TITLES


@pytest.mark.parametrize("ids", [[1, 2, 3], ["1", "2", "3"], [1.0, 2.0, 3.0]])
def test_parquet(tmp_path: Path, ids: list) -> None:
    table = pyarrow.table({"n": [7, 8, 9], "item_id": ids, "title": [*TITLES.values()]})
    parquet.write_table(table, tmp_path / "items.parquet")
    assert values(tmp_path / "items.parquet") == TITLES


def test_a_folder_of_parts_is_a_table(tmp_path: Path) -> None:
    (tmp_path / "part-0.csv").write_text("item_id,title\n1,a\n")
    (tmp_path / "part-1.csv").write_text("title,item_id\nb,2\n")
    assert values(tmp_path) == {"1": "a", "2": "b"}


def test_the_ids_are_in_the_column_of_the_logs_name_or_the_first(tmp_path: Path) -> None:
    table = tmp_path / "movies.csv"
    table.write_text("movieId,title,item_id\n1,Up,9\n")
    assert values(table) == {"9": "Up"}
    assert values(table, item_column="movieId") == {"1": "Up"}
    assert values(table, item_column="asin") == {"1": "Up"}


def test_a_value_may_go_over_several_lines(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text('item_id,title\n1,"two\nlines"\n2,b\n')
    assert values(tmp_path / "items.csv") == {"1": "two\nlines", "2": "b"}


def test_a_log_that_has_the_titles_is_a_table_too(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("user_id,item_id,title\nu,1,a\nv,1,a\nv,2,b\n")
    assert values(tmp_path / "log.csv") == {"1": "a", "2": "b"}


def test_what_is_empty_is_counted(tmp_path: Path) -> None:
    table = tmp_path / "items.csv"
    table.write_text("item_id,title\n1,a\n2,\n,b\n4, \n")
    found = read_item_column(table, "title")
    assert (found.values, found.empty_rows) == ({"1": "a"}, 3)
    assert found.first_empty == f"{table}, row 3"


def test_more_rows_than_a_block(tmp_path: Path) -> None:
    expected = {str(item): f"title {item:0200}" for item in range(20_000)}
    lines = [f"{item},{title}\n" for item, title in expected.items()]
    (tmp_path / "items.csv").write_text("item_id,title\n" + "".join(lines))
    assert values(tmp_path / "items.csv") == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"item_id,name\n1,a\n", r"has no column 'title'\. Its columns are: 'item_id', 'name'\."),
        (b"item_id\tname\n1\ta\n", r"has no column 'title'\. Its columns are: 'item_id', 'name'\."),
        (b"1,a\n2,b\n", r"has no column 'title'\. Its columns are: '1', 'a'\."),
        (b'{"id": 1, "name": "a"}\n', r"has no column 'title'\. Its columns are: 'id', 'name'\."),
        (b"title\na\n", "'title' is the column with the ids"),
        (b"", "the file is empty"),
        (b"item_id,title\n", "'title' holds nothing for any item"),
        (b"item_id,title\n1,\n", "'title' holds nothing for any item"),
        (b"item_id,title\n1,a\n2,b\n1,c\n", "row 4, column title: the item '1' has 'c' here"),
        (b"item_id,title\n1,a\n2,caf\xe9\n", r"row 3, column title: is not UTF-8 .*x[eE]9.*iconv"),
        (b"item_id,title\n1,a\n\xe9,b\n", "row 3, column item_id: is not UTF-8"),
        (b"item_id,title\n1,a\n2,\xe9\0\n", "row 3"),
        (b"caf\xe9,title\n1,a\n", "row 1 is not a header in UTF-8 text"),
        (b"item_id,title\n1,tea, green\n", "row 2: has more fields than the header"),
        (b"item_id,title\n1\n", "row 2, column title: has fewer fields than the header"),
        (b"item_id,title,title\n1,a,b\n", "names the column 'title' 2 times"),
        (b'{"item_id": 1, "title": "a"}\n{"item_id"\n', "row 2"),
        (b"PAR1 and no more", "not Parquet"),
        (gzip.compress(b"item_id,title\n" + b"1,a\n" * 999, mtime=0)[:30], "cannot be read"),
        (b"SQLite format 3\0", "looks like a SQLite database"),
    ],
)  # fmt: skip
def test_what_is_no_such_table_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    table = tmp_path / "items.csv"
    table.write_bytes(content)
    with pytest.raises(ItemTableError, match=f"(?s){table}.*{message}"):
        values(table)


def test_a_file_that_there_is_not_is_named(tmp_path: Path) -> None:
    with pytest.raises(ItemTableError, match="nowhere.csv: no such file"):
        values(tmp_path / "nowhere.csv")


def test_values_of_other_types_are_refused(tmp_path: Path) -> None:
    table = pyarrow.table({"item_id": [1], "title": [["a", "b"]]})
    parquet.write_table(table, tmp_path / "items.parquet")
    with pytest.raises(ItemTableError, match="values in column 'title' are of type list"):
        values(tmp_path / "items.parquet")
