"""Lines without times: the order of lines and files is that of the events, and each counts."""

from pathlib import Path

import pytest

from mclrec_tf.data.event_log.reader import EventLogError, EventLogFormat
from mclrec_tf.data.interactions import Interactions, load_interactions


def histories(log: Interactions) -> dict[str, str]:
    return {
        user: " ".join(log.item_ids[item - 1] for item in history)
        for user, history in zip(log.user_ids, log.histories, strict=True)
    }


def test_a_user_on_two_lines(tmp_path: Path):
    (tmp_path / "log.txt").write_text("a x1 x2 x3\nb x1 x2 x3\na y1 y2 y3\n")
    log = load_interactions(tmp_path / "log.txt", k_core=0)
    assert histories(log) == {"a": "x1 x2 x3 y1 y2 y3", "b": "x1 x2 x3"}
    assert log.timestamps.tolist() == [1, 2, 3, 4, 5, 6, 1, 2, 3]


def test_a_user_in_two_files(tmp_path: Path):
    (tmp_path / "1.txt").write_text("a x1 x2\nb x1 x2\n")
    (tmp_path / "2.txt").write_text("b y1 y2\nc x1 x2 y1\na y1 y2\n")
    log = load_interactions(tmp_path, k_core=0)
    assert histories(log) == {"a": "x1 x2 y1 y2", "b": "x1 x2 y1 y2", "c": "x1 x2 y1"}
    assert log.report.duplicates == 0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pairs.txt", "a x\na y\na x\na x\nb x\nb y\nb z\n"),
        ("lines.txt", "a x y x x\nb x y z\n"),
        ("table.csv", "user_id,item_id\na,x\na,y\na,x\na,x\nb,x\nb,y\nb,z\n"),
        ("table.txt", "user_id\titem_id\na\tx\na\ty\na\tx\na\tx\nb\tx\nb\ty\nb\tz\n"),
        (
            "log.jsonl",
            '{"user_id":"a","item_id":["x","y","x","x"]}\n' * 0
            + "".join(
                f'{{"user_id":"{u}","item_id":"{i}"}}\n'
                for u, i in ("ax", "ay", "ax", "ax", "bx", "by", "bz")
            ),
        ),
    ],
)
def test_without_times_nothing_is_a_duplicate(tmp_path: Path, name: str, text: str):
    (tmp_path / name).write_text(text)
    log = load_interactions(tmp_path / name, EventLogFormat(timestamp_column=""), k_core=0)
    assert histories(log) == {"a": "x y x x", "b": "x y z"}
    assert log.report.duplicates == 0 and log.report.rows == 7


def test_with_times_a_repeat_is_a_duplicate(tmp_path: Path):
    text = "user_id,item_id,timestamp\na,x,1\na,y,2\na,x,1\na,x,3\nb,x,1\nb,y,2\nb,z,3\n"
    (tmp_path / "log.csv").write_text(text)
    log = load_interactions(tmp_path / "log.csv", k_core=0)
    assert histories(log) == {"a": "x y x", "b": "x y z"}
    assert log.report.duplicates == 1


@pytest.mark.parametrize("order", [("a.txt", "b.csv"), ("b.txt", "a.csv")])
def test_lines_and_tables_with_times_are_no_log(tmp_path: Path, order: tuple[str, str]):
    lines, table = order
    (tmp_path / lines).write_text("a x y z\nb x y z\n")
    (tmp_path / table).write_text("user_id,item_id,timestamp\na,x,1\na,y,2\na,x,3\n")
    with pytest.raises(EventLogError) as error:
        load_interactions(tmp_path, k_core=0)
    assert lines in str(error.value) and table in str(error.value)
