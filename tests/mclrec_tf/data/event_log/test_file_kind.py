"""The kind of a file is told by what it holds."""

import io
import itertools
import json
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from mclrec_tf.data.event_log.reader import Event, EventLogError, EventLogFormat, read_events
from mclrec_tf.data.interactions import load_interactions

EVENTS = [Event(user, f"i{n}", 1_700_000_000 + n) for user in ("ann", "bob") for n in range(5)]


def _rows(separator: str, *names: str) -> str:
    rows = [separator.join(map(str, event)) for event in EVENTS]
    return "".join(line + "\n" for line in [*([separator.join(names)] if names else []), *rows])


def _parquet() -> bytes:
    file = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist([event._asdict() for event in EVENTS]), file)
    return file.getvalue()


CONTENTS = {
    "csv": _rows(",", *Event._fields).encode(),
    "tsv": _rows("\t", *Event._fields).encode(),
    "semicolons": _rows(";", *Event._fields).encode(),
    "colons": _rows("::", *Event._fields).encode(),
    "spaces": _rows(" ", *Event._fields).encode(),
    "RecBole": _rows("\t", "user_id:token", "item_id:token", "timestamp:float").encode(),
    "JSON": "".join(json.dumps(event._asdict()) + "\n" for event in EVENTS).encode(),
    "UTF-16": _rows(",", *Event._fields).encode("utf-16"),
    "Parquet": _parquet(),
}
NAMES = ["log", "log.txt", "log.csv", "log.tsv", "log.inter", "log.json", "log.parquet", "log.gz"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("contents", sorted(CONTENTS))
def test_contents_decide_not_names(tmp_path: Path, contents: str, name: str):
    (tmp_path / name).write_bytes(CONTENTS[contents])
    assert [*read_events(tmp_path / name, EventLogFormat())] == EVENTS


TABLES = {
    "four tab-separated numbers": "{u}\t{i}\t3\t88125{t}949\n",
    "four ::-separated numbers": "{u}::{i}::3::97830{t}760\n",
    "four comma-separated columns": "A{u},B{i},3.5,139043{t}000\n",
    "four semicolon-separated numbers": "{u};{i};3;88125{t}949\n",
    "four |-separated numbers": "{u}|{i}|3|88125{t}949\n",
    "four space-separated numbers": "{u} {i} 3 88125{t}949\n",
    "five tab-separated columns": "{u}\t2010-10-1{t}T00:00:00Z\t30.2\t-97.7\tplace{i}\n",
    "three tab-separated columns": "u{u}\ti{i}\t2010-10-1{t}\n",
}


def _table(line: str) -> str:
    places = itertools.product(range(4), range(5))
    return "".join(line.format(u=u + 1, i=i + 1, t=i) for u, i in places)


@pytest.mark.parametrize("spoiled", [None, 0, 7])
@pytest.mark.parametrize("looks_like", sorted(TABLES))
def test_a_table_is_not_taken_for_histories(tmp_path: Path, looks_like: str, spoiled: int | None):
    lines = _table(TABLES[looks_like]).splitlines(keepends=True)
    if spoiled is not None:
        lines[spoiled] = lines[spoiled][:5] + "\n"
    (tmp_path / "log.txt").write_text("".join(lines))
    with pytest.raises(EventLogError, match=f"log.txt: .*{looks_like.replace('|', '.')}") as error:
        load_interactions(tmp_path / "log.txt", k_core=0)
    assert "--columns" in str(error.value)


@pytest.mark.parametrize("looks_like", sorted(TABLES))
def test_what_a_message_advises_works(tmp_path: Path, looks_like: str):
    """Each name of a file: nothing depends on the name once the columns are said."""
    text = _table(TABLES[looks_like])
    for name in ("log.txt", "u.data", "log.csv", "log"):
        (tmp_path / name).write_text(text)
        with pytest.raises(EventLogError) as error:
            load_interactions(tmp_path / name, k_core=0)
        assert "rename" not in str(error.value).lower()
        columns = str(error.value).split("--columns ")[1].split(";")[0].rstrip(".")
        log = load_interactions(tmp_path / name, EventLogFormat(columns=columns), k_core=0)
        assert len(log.timestamps) == 20
        assert sorted(log.timestamps[:5]) == [*log.timestamps[:5]]


@pytest.mark.parametrize(
    "text",
    [
        "ann tea milk tea\nbob milk tea\n",
        "1 2 3 4\n2 3 4 5 6\n3 1 2 3\n",
        "1 2 3 4\n2 3 4 5\n3 1 2 3\n",  # all of one length
        "a x\na y\na x\na z\nb x\nb y\nb z\n",
        "a\tx y z\nb\tx y\n",
    ],
)
def test_histories_in_a_text_file_are_histories(tmp_path: Path, text: str):
    (tmp_path / "log.txt").write_text(text)
    found = [(user, item) for user, item, _ in read_events(tmp_path / "log.txt", EventLogFormat())]
    assert found == [
        (line.split()[0], item) for line in text.splitlines() for item in line.split()[1:]
    ]


@pytest.mark.parametrize(
    "text",
    [
        "# The shop's log\n\nEvents of all users, day by day.\nAsk Ann if a day is missing.\n",
        "Columns: user, item, time.\nThe time is in seconds.\n",
    ],
)
def test_a_readme_is_no_log_and_other_prose_is_refused(tmp_path: Path, text: str):
    (tmp_path / "events.csv").write_bytes(CONTENTS["csv"])
    alone = load_interactions(tmp_path, k_core=0)
    (tmp_path / "README.txt").write_text(text)
    beside = load_interactions(tmp_path, k_core=0)
    assert beside.item_ids == alone.item_ids and beside.report.rows == alone.report.rows
    with pytest.raises(EventLogError, match="README.txt: looks like"):
        load_interactions(tmp_path / "README.txt", k_core=0)
    (tmp_path / "about.txt").write_text(text)
    with pytest.raises(EventLogError, match="about.txt"):
        load_interactions(tmp_path, k_core=0)


def test_lines_beside_tables_with_times_are_refused(tmp_path: Path):
    (tmp_path / "events.csv").write_bytes(CONTENTS["csv"])
    (tmp_path / "list.txt").write_text("milk\ntea rum\nann bob\n")
    with pytest.raises(EventLogError, match="list.txt") as error:
        load_interactions(tmp_path, k_core=0)
    assert "events.csv" in str(error.value)


@pytest.mark.parametrize(
    "user", ["ORCID", "ORC", "ARROW1x", "BZh", "BZhang", "{3F25-E0}", "[x]", "\x01"]
)
def test_text_that_begins_like_another_kind_is_text(tmp_path: Path, user: str):
    rows = [f"{user},tea,17", "bob,milk,18"]
    (tmp_path / "log.csv").write_text("\n".join(rows))
    format = EventLogFormat(columns="user,item,timestamp")
    assert [*read_events(tmp_path / "log.csv", format)] == [
        Event(user, "tea", 17),
        Event("bob", "milk", 18),
    ]
    if user.isalnum():
        (tmp_path / "log.csv").write_text(f"{user},item_id,timestamp\nann,tea,17\n")
        format = EventLogFormat(user_column=user)
        assert [*read_events(tmp_path / "log.csv", format)] == [Event("ann", "tea", 17)]


@pytest.mark.parametrize(
    ("begin", "what"),
    [
        (b"ARROW1\0\0", "Arrow"),
        (b"ORC\x0a\0\0", "ORC"),
        (b"SQLite format 3\0", "SQLite"),
        (b"<!DOCTYPE html>\n<html>", "web page"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\x93NUMPY\x01\0", "NumPy"),
        (b"\x80\x04\x95\x10\0\0\0\0\0\0\0", "pickle"),
        (b"[\n {", "JSON list"),
        (b"\0\x01\x02\x03", "not a header"),
    ],
)
def test_what_is_no_log_is_told(tmp_path: Path, begin: bytes, what: str):
    (tmp_path / "log.csv").write_bytes(begin + b"x,y\n" * 99)
    with pytest.raises(EventLogError, match=f"log.csv: .*{what}"):
        [*read_events(tmp_path / "log.csv", EventLogFormat())]


def test_quoted_line_breaks_hide_no_columns(tmp_path: Path):
    rows = [f'ann,i{n},"several\nlines, of\n text",{n}' for n in range(30)]
    (tmp_path / "log.csv").write_text("\n".join(rows))
    format = EventLogFormat(columns="user,item,-,timestamp")
    assert [*read_events(tmp_path / "log.csv", format)] == [
        Event("ann", f"i{n}", n) for n in range(30)
    ]


def test_the_only_row_may_be_cut_within_quotes(tmp_path: Path):
    path = tmp_path / "log.csv"
    path.write_text('"u","a","17","\nnote"')
    format = EventLogFormat(columns="user,item,timestamp,-")
    assert [*read_events(path, format)] == [Event("u", "a", 17)]
