"""Names of items from a table, beside the answers of the command."""

import argparse
import csv
import gzip
from pathlib import Path

import pytest

from pipeline.local_server import free_port
from serving.client import RecommendationClient
from serving.client.__main__ import main
from serving.client.item_names import read_item_names
from serving.item_names import FileAndColumn, file_and_column, one_line
from tests.serving.conftest import ITEMS
from tests.serving.running_server import Addresses

NAMES = {"1": "Tea, green", "2": 'The "best" jam', "3": "日本 ☕"}
CSV = 'item_id,title\n1,"Tea, green"\n2,"The ""best"" jam"\n3,日本 ☕\n'


def names_in(path: Path, content: bytes, item_column: str = "item_id") -> dict[str, str]:
    path.write_bytes(content)
    return read_item_names(FileAndColumn(str(path), "title"), item_column)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("items.csv:title", ("items.csv", "title")),
        ("gs://shop/items.csv:title", ("gs://shop/items.csv", "title")),
        ("a:b/c:d.csv:full title", ("a:b/c:d.csv", "full title")),
    ],
)
def test_the_column_stands_after_the_last_colon(text: str, found: tuple[str, str]) -> None:
    assert file_and_column(text) == found


@pytest.mark.parametrize("text", ["", "items.csv", ":title", "items.csv:", "gs://shop/items.csv"])
def test_a_file_without_a_column_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="must be FILE:COLUMN"):
        file_and_column(text)


def test_a_name_is_one_line_that_steers_no_terminal() -> None:
    assert one_line(" two\r\nlines\t\x1b[31mred\x1b[0m\u2028 ") == "two lines [31mred [0m"
    assert one_line("family 👨‍👩‍👧 and می‌خواهم") == "family 👨‍👩‍👧 and می‌خواهم"


TSV = "".join(f"{item}\t{name}\n" for item, name in NAMES.items())
BARS = 'x|title|item_id\n|"Tea, green"|1\n|"The ""best"" jam"|2\n|日本 ☕|3'


@pytest.mark.parametrize(
    "content",
    [
        CSV.encode(),
        CSV.encode("utf-8-sig"),
        CSV.replace("\n", "\r\n").encode(),
        gzip.compress(CSV.encode(), mtime=0),
        f"item_id\ttitle\n{TSV}".encode(),
        BARS.encode(),
    ],
    ids=["csv", "bom", "windows", "gzip", "tsv", "bars"],
)
def test_text_tables_are_read(tmp_path: Path, content: bytes) -> None:
    assert names_in(tmp_path / "items", content) == NAMES


def test_the_ids_are_in_the_column_of_the_name_or_the_first(tmp_path: Path) -> None:
    content = b"movieId,title,item_id\n1,Up,9\n"
    assert names_in(tmp_path / "m.csv", content) == {"9": "Up"}
    assert names_in(tmp_path / "m.csv", content, "movieId") == {"1": "Up"}
    assert names_in(tmp_path / "m.csv", content, "asin") == {"1": "Up"}


def test_what_has_no_id_or_no_name_is_left_out(tmp_path: Path) -> None:
    assert names_in(tmp_path / "i.csv", b"item_id,title\n1,a\n\n2, \n,b\n1,a\n") == {"1": "a"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "row 1 is empty"),
        (b"item_id,name\n1,a\n", r"has no column 'title'\. Its columns are: 'item_id', 'name'\."),
        (b"title,x\na,1\n", "'title' is the column with the ids"),
        (b"item_id,title,title\n1,a,b\n", "names the column 'title' 2 times"),
        (b"item_id,title\n1,\n", "'title' holds no name"),
        (b'item_id,title\n1,"a\nb"\n1,c\n', "row 4, column title: the item '1' has 'c' here"),
        (b"item_id,title\n1,a\n2,caf\xe9\n", "row 3: is not UTF-8"),
        (b"item_id,title\n1,tea, green\n", "row 2: has 3 fields, but the header 2"),
        (b'item_id,title\n1,"a\n2,b\n', "row 2: unexpected end of data"),
        (b"PAR1\x15\x04", "is a Parquet file, which only the pipeline reads"),
        (CSV.encode("utf-16"), "is UTF-16"),
        (gzip.compress(CSV.encode(), mtime=0)[:-12], "is damaged"),
        (gzip.compress(CSV.encode(), mtime=0)[:-8] + b"12345678", "is damaged"),
    ],
)  # fmt: skip
def test_what_is_no_such_table_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        names_in(tmp_path / "items", content)
    assert str(refused.value).startswith(f"{tmp_path / 'items'}")


@pytest.mark.parametrize("file", ["nowhere.csv", "."])
def test_a_file_that_cannot_be_opened_is_named_before_anything_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str
) -> None:
    path = tmp_path / file
    assert main(["x", f"--port={free_port()}", f"--item_names={path}:title"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("--item_names: ") and str(path) in told and "grpc" not in told


@pytest.mark.integration
def test_names_stand_beside_the_ids(
    server: Addresses, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ports = [f"--rest_api_port={server.rest.split(':')[1]}", "--k=4"]
    assert main([ITEMS[0], *ports]) == 0
    plain = capsys.readouterr().out.splitlines()
    with RecommendationClient(server.rest, protocol="rest") as client:
        shown = [item.item_id for item in client.recommend([ITEMS[0]], k=4)]
    table = tmp_path / "items.csv"
    with open(table, "w", newline="") as file:
        rows = [("item_id", "title"), (shown[0], "First"), (shown[2], "Third"), ("absent", "X")]
        csv.writer(file).writerows(rows)
    for spelling in ("--item_names", "--item-names"):
        assert main([ITEMS[0], *ports, f"{spelling}={table}:title"]) == 0
        screen = capsys.readouterr()
        assert screen.err == ""
        assert screen.out.splitlines() == [
            plain[0],
            plain[1] + "  name",
            plain[2] + "  First",
            plain[3],
            plain[4] + "  Third",
            plain[5],
        ]


@pytest.mark.integration
def test_names_of_another_catalogue_are_told(
    server: Addresses, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "items.csv").write_text("id,title\n0001,First\n")
    port = f"--rest_api_port={server.rest.split(':')[1]}"
    assert main([ITEMS[0], port, f"--item_names={tmp_path}/items.csv:title"]) == 0
    assert "none of the items has a name in" in (told := capsys.readouterr().err)
    assert "the first id is '0001'; --item_column" in told
