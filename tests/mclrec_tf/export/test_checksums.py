"""What is written is what sha256sum reads, and the server's check finds every changed bit."""

import subprocess
from pathlib import Path

import pytest

from mclrec_tf.export.checksums import CHECKSUM_FILE, write_checksums
from serving.export_check.checksums import damage

_FILES = {
    "saved_model.pb": b"graph",
    "assets/items": b"a\nb\n",
    "variables/variables.index": b"",
    "assets.extra/tf_serving_warmup_requests": bytes(range(256)),
    "a name with  spaces": b"x",
}


@pytest.fixture
def export(tmp_path: Path) -> Path:
    for name, content in _FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    write_checksums(str(tmp_path))
    return tmp_path


def test_sha256sum_agrees(export: Path) -> None:
    check = ["sha256sum", "--check", "--strict", CHECKSUM_FILE]
    process = subprocess.run(check, cwd=export, capture_output=True, text=True)
    assert process.returncode == 0
    assert sorted(process.stdout.splitlines()) == sorted(f"{name}: OK" for name in _FILES)


def test_a_whole_export_has_no_damage_wherever_it_is(export: Path, tmp_path: Path) -> None:
    assert not list(damage(str(export)))
    moved = export.rename(tmp_path.parent / f"{tmp_path.name}-moved")
    assert not list(damage(str(moved)))


def test_writing_again_changes_nothing(export: Path) -> None:
    before = (export / CHECKSUM_FILE).read_bytes()
    write_checksums(str(export))
    assert (export / CHECKSUM_FILE).read_bytes() == before


@pytest.mark.parametrize("name", [name for name, content in _FILES.items() if content])
def test_every_flipped_bit_is_found(export: Path, name: str) -> None:
    for bit in range(8):
        content = bytearray(_FILES[name])
        content[-1] ^= 1 << bit
        (export / name).write_bytes(content)
        assert list(damage(str(export))) == [
            f"{name} does not have the checksum in {CHECKSUM_FILE}"
        ]


def test_lost_files_are_named(export: Path) -> None:
    (export / "assets/items").unlink()
    (export / "saved_model.pb").unlink()
    lost = sorted(damage(str(export)))
    assert [found.split(" cannot be read: ")[0] for found in lost] == [
        "assets/items",
        "saved_model.pb",
    ]


@pytest.mark.parametrize("line", ["", "no checksum", f"{'0' * 64}  ../x", f"{'0' * 64}  /etc/x"])
def test_a_line_that_cannot_be_meant_is_told_and_nothing_outside_is_read(
    export: Path, line: str
) -> None:
    (export / CHECKSUM_FILE).write_text(f"{line}\n")
    [found] = damage(str(export))
    assert "a line that is none of sha256sum" in found and repr(line) in found


def test_without_checksums_nothing_is_known(export: Path) -> None:
    (export / CHECKSUM_FILE).unlink()
    (export / "saved_model.pb").write_bytes(b"changed")
    assert not list(damage(str(export)))
