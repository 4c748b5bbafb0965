"""A log's path comes through ExampleGen's driver as it was, and the driver sees its files."""

import os
from pathlib import Path

import pytest
from tfx.components.example_gen.driver import FileBasedDriver
from tfx.utils import proto_utils
from tfx.v1 import proto

from mclrec_tf.data.event_log.log_files import event_log_files
from pipeline.components.example_gen.event_log.log_location import (
    base_and_pattern,
    fingerprint,
    log_path,
)


def through_the_driver(path: str) -> tuple[str, str, int, int | None]:
    """Returns the path that the executor reads, the fingerprint, span and version."""
    base, pattern = base_and_pattern(path)
    config = proto.Input(splits=[proto.Input.Split(name="log", pattern=pattern)])
    driver = FileBasedDriver(metadata_handle=None)
    properties = driver.resolve_exec_properties(
        {"input_base": base, "input_config": proto_utils.proto_to_json(config)}, None, None
    )
    return (
        log_path(properties),
        properties["input_fingerprint"],
        properties["span"],
        properties["version"],
    )


@pytest.mark.parametrize("name", ["log.csv", "log [1].csv", "a?b.csv", "x*.csv", "{log}.csv"])
def test_a_file(tmp_path: Path, name: str):
    for file in (name, "x2.csv", "a-b.csv", "log 1.csv"):
        (tmp_path / file).write_text("12345")
    path, fingerprint, span, version = through_the_driver(str(tmp_path / name))
    assert Path(path.replace("[[]", "[").replace("[?]", "?").replace("[*]", "*")).name == name
    assert "num_files:1,total_bytes:5," in fingerprint
    assert (span, version) == (0, None)


@pytest.mark.parametrize("name", ["log", "log [1]", "a?b", "x*", "events.csv"])
def test_a_folder(tmp_path: Path, name: str):
    folder = tmp_path / name
    folder.mkdir()
    (folder / "a.csv").write_text("12")
    (folder / "b.csv").write_text("345")
    for path in (str(folder), f"{folder}/"):
        path, fingerprint, *_ = through_the_driver(path)
        assert path == str(folder)
        assert "num_files:2,total_bytes:5," in fingerprint


def test_a_pattern(tmp_path: Path):
    for day in ("day 1", "day 2", "week 1"):
        (tmp_path / day).mkdir()
        (tmp_path / day / "log.csv").write_text("12345")
    path, fingerprint, *_ = through_the_driver(str(tmp_path / "day*" / "*.csv"))
    assert path == str(tmp_path / "day*" / "*.csv")
    assert "num_files:2,total_bytes:10," in fingerprint


def test_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "log.csv").write_text("12345")
    monkeypatch.chdir(tmp_path)
    assert base_and_pattern("log.csv") == (os.path.realpath(tmp_path), "log.csv")
    assert base_and_pattern("*.csv") == (os.path.realpath(tmp_path), "*.csv")


def test_the_latest_span_and_version(tmp_path: Path):
    for span, version in ((1, 1), (2, 1), (2, 2)):
        folder = tmp_path / f"span-{span}" / f"v{version}"
        folder.mkdir(parents=True)
        (folder / "log.csv").write_text("12345")
    path, _, *found = through_the_driver(str(tmp_path / "span-{SPAN}" / "v{VERSION}" / "*.csv"))
    assert path == str(tmp_path / "span-2" / "v2" / "*.csv")
    assert found == [2, 2]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("gs://shop/log.csv", ("gs://shop", "log.csv")),
        ("gs://shop/logs/", ("gs://shop/logs", "*")),
        ("gs://shop/{YYYY}-{MM}-{DD}/*.csv", ("gs://shop", "{YYYY}-{MM}-{DD}/*.csv")),
    ],
)
def test_other_file_systems_are_not_asked(path: str, expected: tuple[str, str]):
    assert base_and_pattern(path) == expected


def test_a_log_is_another_one_if_names_or_their_order_change(tmp_path: Path):
    def log(*names: str) -> str:
        folder = tmp_path / f"log{len([*tmp_path.iterdir()])}"
        for content, name in enumerate(names):
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(str(content))
            os.utime(file, (1_700_000_000, 1_700_000_000 + content))
        return fingerprint(event_log_files(folder))

    assert log("a.csv", "b.csv") == log("a.csv", "b.csv")
    assert log("a.csv", "b.csv") != log("b.csv", "a.csv")
    assert log("day=1/a.csv", "day=2/a.csv") != log("day=1/a.csv", "day=3/a.csv")
    assert log("a.csv") == log("a.csv") != log("b.csv")
