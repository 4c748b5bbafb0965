"""Which folders are versions, and which of them are wanted."""

from pathlib import Path

import pytest
from tensorflow_serving.config import model_server_config_pb2

from serving.devserver.models.version_policy import wanted_folders


def _wanted(base: Path, **policy: dict) -> dict[int, str]:
    found = wanted_folders(
        model_server_config_pb2.ModelConfig(base_path=str(base), model_version_policy=policy)
    )
    return {number: Path(path).name for number, path in found.items()}


def test_folders_with_numbers_for_names_are_versions(tmp_path: Path) -> None:
    for name in ("7", "007", "0012", "9223372036854775807", "0"):
        (tmp_path / name).mkdir()
    for name in ("9223372036854775808", "9" * 200, "-1", "+3", " 4", "5 ", "0x6", "٣", "8.tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "13").write_text("a file")
    assert list(_wanted(tmp_path, all={}).items()) == [
        (2**63 - 1, "9223372036854775807"),
        (12, "0012"),
        (7, "7"),
        (0, "0"),
    ]


def test_links_to_folders_are_versions_and_others_are_not(tmp_path: Path) -> None:
    base, release = tmp_path / "m", tmp_path / "release"
    base.mkdir()
    release.mkdir()
    (base / "1").symlink_to(release)
    (base / "2").symlink_to(tmp_path / "nothing")
    (base / "3").symlink_to(base / "3")
    assert _wanted(base, all={}) == {1: "1"}


@pytest.mark.parametrize(
    ("policy", "versions"),
    [
        ({}, [3]),
        ({"latest": {}}, [3]),
        ({"latest": {"num_versions": 2}}, [3, 2]),
        ({"all": {}}, [3, 2, 1]),
        ({"specific": {"versions": [1, 3, 7]}}, [3, 1]),
        ({"specific": {}}, []),
    ],
)
def test_the_policy_picks(tmp_path: Path, policy: dict, versions: list[int]) -> None:
    for number in (1, 2, 3):
        (tmp_path / str(number)).mkdir()
    assert list(_wanted(tmp_path, **policy)) == versions


def test_no_base_path_no_versions(tmp_path: Path) -> None:
    assert _wanted(tmp_path / "none") == {}
