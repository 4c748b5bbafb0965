"""When a folder that may still be copied is taken to be whole."""

import os
from pathlib import Path

import pytest

from serving.devserver.models import folder_watch
from serving.devserver.models.folder_watch import COPY_SECONDS, LOOK_SECONDS, FolderWatch


class Clock:
    """A clock that stands still unless it is put on."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(folder_watch, "time", clock)
    return clock


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "variables").mkdir()
    (tmp_path / "saved_model.pb").write_bytes(b"graph")
    (tmp_path / "variables" / "variables.index").write_bytes(b"index")
    return tmp_path


def test_a_whole_folder_is_at_rest_at_the_second_look(folder: Path, clock: Clock) -> None:
    watch = FolderWatch(str(folder))
    assert not watch.look()
    clock.now += LOOK_SECONDS
    assert watch.look() and watch.at_rest


async def test_settling_takes_two_looks(folder: Path) -> None:
    assert await FolderWatch(str(folder)).settle()


def test_two_looks_in_quick_succession_say_nothing(folder: Path, clock: Clock) -> None:
    watch = FolderWatch(str(folder))
    watch.look()
    clock.now += LOOK_SECONDS / 2
    assert not watch.look()


@pytest.mark.parametrize("change", ["grows", "has_one_more", "is_touched", "loses_one"])
def test_a_folder_that_changes_gets_more_time(folder: Path, clock: Clock, change: str) -> None:
    watch = FolderWatch(str(folder))
    watch.look()
    clock.now += LOOK_SECONDS
    graph = folder / "saved_model.pb"
    if change == "grows":
        graph.write_bytes(b"graph and more")
    elif change == "has_one_more":
        (folder / "assets").mkdir()
        (folder / "assets" / "items").write_bytes(b"")
    elif change == "is_touched":
        os.utime(graph, (1, 1))
    else:
        graph.unlink()
    assert not watch.look()
    clock.now += COPY_SECONDS - LOOK_SECONDS
    assert not watch.look()
    clock.now += LOOK_SECONDS
    assert watch.look()


@pytest.mark.parametrize("missing", ["saved_model.pb", "variables/variables.index"])
async def test_a_folder_that_lacks_something_gets_more_time(
    folder: Path, clock: Clock, missing: str
) -> None:
    (folder / missing).unlink()
    watch = FolderWatch(str(folder))
    assert not await watch.settle()
    clock.now += LOOK_SECONDS
    assert not await watch.settle()
    clock.now += COPY_SECONDS
    assert await watch.settle()


def test_a_graph_as_text_counts(folder: Path, clock: Clock) -> None:
    (folder / "saved_model.pb").rename(folder / "saved_model.pbtxt")
    watch = FolderWatch(str(folder))
    watch.look()
    clock.now += LOOK_SECONDS
    assert watch.look()


def test_what_is_not_there_and_links_to_nothing_are_no_trouble(folder: Path, clock: Clock) -> None:
    (folder / "nowhere").symlink_to("nothing")
    watch = FolderWatch(str(folder))
    watch.look()
    assert {name for name, _, _ in watch.files} >= {"saved_model.pb"}
    assert not FolderWatch(str(folder / "nothing")).look()
