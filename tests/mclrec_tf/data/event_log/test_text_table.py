"""Rows of text tables are told from what is none, whatever else stands in them."""

from pathlib import Path

import pytest

from mclrec_tf.data.event_log.reader import Event, EventLogFormat, RowProblem, read_events

HEADER = "user_id,text,item_id,timestamp\n"


def read(path: Path, text: str, **format: str) -> list[Event | RowProblem]:
    path.write_text(text, newline="")
    return [*read_events(path, EventLogFormat(**format))]


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("characters", [131_071, 131_073, 200_000, 1_000_000])
def test_a_long_text_is_read(tmp_path: Path, characters: int, quote: str):
    text = f"{quote}{'t' * characters}{quote}"
    rows = f"ann,{text},tea,17\nbob,{quote}short{quote},milk,18\n"
    assert read(tmp_path / "log.csv", HEADER + rows) == [
        Event("ann", "tea", 17),
        Event("bob", "milk", 18),
    ]


@pytest.mark.parametrize("separator", ["\t", "::", " "])
def test_a_long_text_is_read_without_quotes(tmp_path: Path, separator: str):
    text = HEADER + f"ann,{'t' * 3_000_000},tea,17\nbob,,milk,18\n"
    found = read(tmp_path / "log.csv", text.replace(",", separator))
    assert found == [Event("ann", "tea", 17), Event("bob", "milk", 18)]


def test_a_text_that_is_too_long_is_no_quote_out_of_place(tmp_path: Path):
    """A quote that is never closed would make one field of the rest of the file."""
    long = f'ann,"{"t" * (1 << 20)}x",tea,17\n'
    unclosed = 'bob,"never closed,milk,18\n'
    found = read(tmp_path / "log.csv", HEADER + "cid,,rum,16\n" + long + unclosed + "dan,,gin,19\n")
    assert found[0] == Event("cid", "rum", 16) and found[3] == Event("dan", "gin", 19)
    assert [row.reason for row in found if isinstance(row, RowProblem)] == [
        "has a field of more than 1,048,576 characters",
        "has a quote out of place or never closed",
    ]


def test_rows_of_another_width_print_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    (tmp_path / "log.csv").write_bytes(HEADER.encode() + b"ann,\xff\n\xe9\nbob,,milk,18\n")
    found = [*read_events(tmp_path / "log.csv", EventLogFormat())]
    assert [row for row in found if isinstance(row, Event)] == [Event("bob", "milk", 18)]
    assert len(found) == 3
    assert capfd.readouterr().err == ""
