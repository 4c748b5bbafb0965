"""When a folder that may still be copied is taken to be whole."""

import asyncio
import os
from pathlib import Path

import pytest

from serving.devserver.models.settled_files import list_files, settled_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "variables").mkdir()
    (tmp_path / "saved_model.pb").write_bytes(b"graph")
    (tmp_path / "variables" / "variables.index").write_bytes(b"index")
    return tmp_path


async def test_a_folder_at_rest_has_its_files(folder: Path) -> None:
    files = await settled_files(str(folder))
    assert files is not None
    assert {(name, size) for name, size, _ in files} == {
        ("saved_model.pb", 5),
        ("variables/variables.index", 5),
    }


@pytest.mark.parametrize("change", ["grows", "has_one_more", "is_touched", "loses_one"])
async def test_a_folder_that_changes_has_none_yet(folder: Path, change: str) -> None:
    looking = asyncio.create_task(settled_files(str(folder)))
    await asyncio.sleep(0.05)  # between the two looks
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
    assert await looking is None


def test_a_missing_folder_and_a_broken_link_do_no_harm(folder: Path) -> None:
    (folder / "nowhere").symlink_to("nothing")
    assert ("nowhere", -1, 0) in list_files(str(folder))
    assert list_files(str(folder / "nothing")) == frozenset()
