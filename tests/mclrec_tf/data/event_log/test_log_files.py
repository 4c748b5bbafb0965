"""Which files are a log, and what their folders say."""

from pathlib import Path

import pytest

from mclrec_tf.data.event_log.log_files import event_log_files, partitions_of
from mclrec_tf.data.event_log.reader import Event, EventLogError, EventLogFormat, read_events
from mclrec_tf.data.interactions import load_interactions

ROW = "user_id,item_id,timestamp\nann,tea,17\n"


def test_a_path_may_be_a_pathlib_path(tmp_path: Path):
    (tmp_path / "log.csv").write_text(ROW)
    for path in (tmp_path, tmp_path / "log.csv", tmp_path / "*.csv"):
        assert [*read_events(path, EventLogFormat())] == [Event("ann", "tea", 17)]
        assert event_log_files(path) == event_log_files(str(path))


@pytest.mark.parametrize(
    "path", ["", Path("nothing.csv"), "nothing/", "nothing/*.csv", "no\0thing"]
)
def test_a_path_of_nothing_is_told(
    path: str | Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """The empty path is not the folder in which the command was given."""
    (tmp_path / "log.csv").write_text(ROW)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EventLogError):
        event_log_files(path)
    with pytest.raises(EventLogError):
        load_interactions(path)


def test_in_a_folder_all_that_are_named_like_logs_count(tmp_path: Path):
    logs = ["a.csv", "b.jsonl", "c.parquet", "d.tsv.gz", "e.dat.zst", "f.inter.xz", "part-00001"]
    others = ["README.md", "_SUCCESS", ".log.csv.crc", "notes.ipynb", "_temporary/x.csv", "a.csv~"]
    for name in [*logs, *others, "day=2026-01-02/part-0.csv", "day=2026-01-01/part-0.csv"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(ROW)
    found = [path[len(str(tmp_path)) + 1 :] for path in event_log_files(tmp_path)]
    assert found == sorted([*logs, "day=2026-01-01/part-0.csv", "day=2026-01-02/part-0.csv"])


def test_folders_give_columns(tmp_path: Path):
    for day, event in (("2026-01-02", "view"), ("2026-01-01", "view"), ("2026-01-03", "buy")):
        folder = tmp_path / f"day={day}" / f"event={event}"
        folder.mkdir(parents=True)
        (folder / "part-0.csv").write_text(f"user_id,item_id\nann,on {day}\n")
    format = EventLogFormat(timestamp_column="day", where="event == 'view'")
    first, second = read_events(tmp_path, format)
    assert (first.item_id, second.item_id) == ("on 2026-01-01", "on 2026-01-02")
    assert second.timestamp - first.timestamp == 86_400


def test_a_column_of_the_file_comes_before_its_folder(tmp_path: Path):
    (tmp_path / "timestamp=99").mkdir()
    (tmp_path / "timestamp=99" / "log.csv").write_text(ROW)
    assert [*read_events(tmp_path, EventLogFormat())] == [Event("ann", "tea", 17)]


def test_names_of_folders_are_written_as_urls():
    path = "log/city=S%C3%A3o%20Paulo/user=a%2Fb/none=__HIVE_DEFAULT_PARTITION__/x.csv"
    assert partitions_of(path) == {"city": "São Paulo", "user": "a/b", "none": ""}


def test_a_folder_without_a_value_is_an_empty_value(tmp_path: Path):
    folder = tmp_path / "user_id=__HIVE_DEFAULT_PARTITION__"
    folder.mkdir()
    (folder / "log.csv").write_text("item_id,timestamp\ntea,17\n")
    (problem,) = read_events(tmp_path, EventLogFormat())
    assert problem.column == "user_id" and problem.reason == "is empty"


def test_several_tables_without_times_have_no_order(tmp_path: Path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(ROW)
    with pytest.raises(EventLogError, match="no time column"):
        event_log_files(tmp_path, EventLogFormat(timestamp_column=""))
