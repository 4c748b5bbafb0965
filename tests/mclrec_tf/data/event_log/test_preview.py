"""How a file begins is shown whatever its columns are called."""

import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from mclrec_tf.data.event_log.formats.packed_files import packing
from mclrec_tf.data.event_log.preview import PREVIEW_ROWS, preview
from mclrec_tf.data.event_log.reader import EventLogError, EventLogFormat, LogFile
from mclrec_tf.data.event_log.suggestions import suggest_columns, suggest_roles

NAMES = ("who", "what it was", "when")
ROWS = [("ann", "tea", "881250949"), ("bob", "milk", "881250950"), ("ann", "tea", "881250951")]


@pytest.mark.parametrize("separator", [",", "\t", ";", "|", "::"])
@pytest.mark.parametrize("has_header", [True, False])
def test_tables(separator: str, has_header: bool, tmp_path: Path):
    log = tmp_path / "log.txt"
    lines = [separator.join(row) for row in [*[NAMES] * has_header, *ROWS]]
    log.write_text("\r\n".join(lines))
    found = preview(log, EventLogFormat())
    assert (found.kind.kind, found.kind.separator) == ("table", separator)
    assert found.kind.has_header == has_header and found.is_named == has_header
    assert found.names == (NAMES if has_header else ("1", "2", "3"))
    assert found.rows == ROWS and found.column(found.names[1]) == ["tea", "milk", "tea"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_encodings(encoding: str, tmp_path: Path):
    log = tmp_path / "log.csv"
    log.write_bytes("wër,wäs\nÄnn,tee\n".encode(encoding))
    found = preview(log, EventLogFormat())
    assert found.names == ("wër", "wäs") and found.rows == [("Änn", "tee")]
    assert found.encoding.startswith(encoding.removesuffix("-sig"))


def _zip(data: bytes) -> bytes:
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:
        archive.writestr("log.csv", data)
    return stored.getvalue()


def _zstd(data: bytes) -> bytes:
    return pyarrow.compress(data, "zstd", asbytes=True)


PACKED = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "Zstandard": _zstd,
    "zip": _zip,
}


@pytest.mark.parametrize("packed_with", PACKED)
def test_packed_files_and_how_far_they_were_read(packed_with: str, tmp_path: Path):
    log = tmp_path / "log.csv"
    lines = "".join(f"u{n % 997},i{n * n % 1009},{n}\n" for n in range(100_000))
    data = PACKED[packed_with](f"user_id,item_id,timestamp\n{lines}".encode())
    log.write_bytes(data)
    found = preview(log, EventLogFormat())
    assert found.packing == packing(data[:16]) == packed_with
    assert len(found.rows) == PREVIEW_ROWS and found.rows[1] == ("u1", "i1", "1")
    file = LogFile(log, EventLogFormat())
    positions = [file.position for _ in file.batches()]
    assert positions == sorted(positions) and 0 < positions[0] <= positions[-1] <= len(data)
    assert positions[-1] > 0.9 * len(data)


def test_parquet_has_types_and_its_number_of_rows(tmp_path: Path):
    (tmp_path / "day=2026-01-31").mkdir()
    log = tmp_path / "day=2026-01-31" / "log.parquet"
    parquet.write_table(pyarrow.table({"id": range(5000), "price": [0.5, None] * 2500}), log)
    found = preview(log, EventLogFormat())
    assert found.names == ("id", "price", "day") and found.num_rows == 5000
    assert found.types == ("int64", "double", "name of the folder")
    assert found.rows[:2] == [("0", "0.5", "2026-01-31"), ("1", "", "2026-01-31")]


def test_json_lines_show_names_that_lead_into_objects_and_lists(tmp_path: Path):
    log = tmp_path / "log.jsonl"
    log.write_text(
        '{"session": 7, "events": [{"aid": 1, "ts": 5}, {"aid": 2, "ts": 6}]}\n'
        "nonsense\n"
        "{u'session': 8, u'device': {u'os': u'x'}, 'tags': []}\n"
    )
    found = preview(log, EventLogFormat())
    assert found.names == ("session", "events.aid", "events.ts", "device.os", "tags")
    assert found.rows == [("7", "1", "5", "", ""), ("8", "", "", "x", "")]


@given(st.binary(max_size=300))
def test_any_bytes_give_a_preview_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
):
    log = tmp_path_factory.getbasetemp() / "any.csv"
    log.write_bytes(data)
    try:
        found = preview(log, EventLogFormat())
    except EventLogError as error:
        assert str(log) in str(error)
    else:
        assert all(len(row) == len(found.names) for row in found.rows)


def test_roles_are_suggested_by_names_however_they_are_spelled():
    assert suggest_roles(["User ID", "Product-Id", "Event Time"]) == {
        "user_column": "User ID",
        "item_column": "Product-Id",
        "timestamp_column": "Event Time",
    }


def test_amazons_files_with_the_product_first_are_not_read_the_other_way_round():
    rows = [["B00TEST123", "A1YJEY40YUW4SE", "5.0", "1391040000"], ["013005", "A2", "1", "5"]]
    assert suggest_columns(rows[:1]) == "item,user,-,timestamp"
    assert suggest_columns([[row[1], row[0], *row[2:]] for row in rows[:1]]) == (
        "user,item,-,timestamp"
    )


def test_a_table_in_a_txt_file_is_one_although_it_has_a_header(tmp_path: Path):
    log = tmp_path / "log.txt"
    log.write_text("visitorid\titemid\tmoment\n" + "".join(f"{n}\t{n}\t{n}\n" for n in range(9)))
    with pytest.raises(EventLogError, match="--item-column itemid --user-column visitorid"):
        list(LogFile(log, EventLogFormat()).batches())
    assert preview(log, EventLogFormat()).names == ("visitorid", "itemid", "moment")
