"""What is called plainly quoted is read alike by every parser; anything else may be not."""

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from pyarrow import csv as arrow_csv

from mclrec_tf.data.event_log.formats.quoting import is_plainly_quoted


@pytest.mark.parametrize(
    "text",
    ["", "a,b\n", '"a","b"\r\n"c",d\r', '"a ""b""",""\n', '"""",x\n', 'a,"b,c"', '"a","""b"""\n'],
)
def test_plain(text: str):
    assert is_plainly_quoted(text.encode(), ",")


@pytest.mark.parametrize(
    "text",
    [
        '"a\nb",c\n',  # over the end of a line
        '"a"b,c\n',  # text after the quote
        'a"b,c\n',  # an inch
        ' "a",b\n',  # a space before the quote
        '"a,b\n',  # never closed
        '"a";b\n',  # another separator
        'a""b,c\n',
        '""a,b\n',
    ],
)
def test_not_plain(text: str):
    assert not is_plainly_quoted(text.encode(), ",")


@given(st.text(st.sampled_from('a ",\n'), max_size=30))
@example('"",""\n')
@settings_of_hypothesis(max_examples=100)
def test_the_csv_module_and_pyarrow_agree_on_what_is_plain(text: str):
    lines = [line for line in text.split("\n") if line]
    text = "".join(f"{line}\n" for line in lines)
    if not text or not is_plainly_quoted(text.encode(), ","):
        return
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    assert len(rows) == len(lines)
    if len({*map(len, rows)}) > 1:
        return
    names = [str(place) for place in range(len(rows[0]))]
    table = arrow_csv.read_csv(
        io.BytesIO(text.encode()),
        arrow_csv.ReadOptions(column_names=names),
        arrow_csv.ParseOptions(),
        arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, "string")),
    )
    if table.num_rows == len(rows):  # pyarrow takes a line of "" for an empty one
        assert [list(row.values()) for row in table.to_pylist()] == rows
    else:
        assert [""] in rows
