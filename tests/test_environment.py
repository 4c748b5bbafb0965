"""What is in the place of an environment and was not made here is never touched."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.distributions import CHECKOUT

MARK = "made-for-mclrec-tf"


def make(folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["sh", "scripts/new_environment.sh", sys.executable, str(folder), "--without-pip"]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)


def install(folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["sh", "scripts/install.sh", str(folder)]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def somebodys_folder(place: Path) -> None:
    (place / "photos").mkdir(parents=True)
    (place / "photos" / "one.txt").write_text("photo")


def somebodys_environment(place: Path) -> None:
    (place / "bin").mkdir(parents=True)
    (place / "bin" / "python").symlink_to(sys.executable)
    (place / "pyvenv.cfg").write_text("home = /usr/bin\n")


@pytest.mark.parametrize("by", [make, install])
@pytest.mark.parametrize("somebodys", [somebodys_folder, somebodys_environment])
@pytest.mark.parametrize("by_link", [False, True])
def test_somebodys_folder_is_left_alone(by, somebodys, by_link: bool, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    somebodys(theirs)
    before = contents(theirs)
    named = tmp_path / ".venv" if by_link else theirs
    if by_link:
        named.symlink_to(theirs)
    ended = by(named)
    assert ended.returncode != 0 and contents(theirs) == before
    what = f"a link to {theirs}" if by_link else "a folder with other contents"
    assert ended.stderr.startswith(f"{named} is {what}, and no environment that was made here")
    assert "Move or remove it" in ended.stderr


@pytest.mark.parametrize("by", [make, install])
def test_a_file_and_a_link_that_leads_nowhere_are_named(by, tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("text")
    link.symlink_to(tmp_path / "gone")
    assert by(file).stderr.startswith(f"{file} is a file, and no environment")
    gone = tmp_path / "gone"
    assert by(link).stderr.startswith(f"{link} is a link to {gone}, and no environment")
    assert file.read_text() == "text" and link.is_symlink() and not gone.exists()


@pytest.mark.parametrize("there", [[], [MARK], [MARK, "left.txt"], ["installed", "left.txt"]])
def test_what_was_made_here_is_made_anew(there: list[str], tmp_path: Path) -> None:
    for name in there:
        (tmp_path / name).touch()
    assert make(tmp_path).returncode == 0
    assert (tmp_path / "bin" / "python").exists() and not (tmp_path / "left.txt").exists()


def test_a_making_that_was_interrupted_is_repeated(tmp_path: Path) -> None:
    folder = tmp_path / ".venv"
    command = ["sh", "scripts/new_environment.sh", "/bin/false", str(folder)]
    assert subprocess.run(command, cwd=CHECKOUT).returncode != 0
    assert {path.name for path in folder.iterdir()} == {MARK}
    assert make(folder).returncode == 0


def test_a_second_installation_waits_for_the_first(tmp_path: Path) -> None:
    """And for what the first has started, while it makes the environment anew."""
    folder = tmp_path / ".venv"
    anew = (
        f"sh scripts/new_environment.sh {sys.executable} {folder} --without-pip > {tmp_path}/said"
    )
    commands = ("echo in; read line; " + anew + "; read line; echo out", "echo in; echo out")

    def start(command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["sh", "scripts/alone.sh", str(folder), "sh", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
        )

    with start(commands[0]) as first:
        assert first.stdin and first.stdout and first.stdout.readline() == "in\n"
        with start(commands[1]) as second:
            assert second.stdout
            waits = f"Another process installs into {folder}; waiting until it has ended.\n"
            assert second.stdout.readline() == waits
            print(file=first.stdin, flush=True)
            first.stdin.close()
            assert first.stdout.read() == "out\n"
            assert second.stdout.read() == "in\nout\n"
    assert here(folder) == "here\n"


def here(folder: Path) -> str:
    command = ["sh", "scripts/environment_here.sh", str(folder)]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout


def test_an_environment_that_was_moved_is_not_here(tmp_path: Path) -> None:
    folder = tmp_path / "a checkout" / ".venv"
    assert here(folder) == ""
    make(folder)
    assert here(folder) == "here\n"
    (tmp_path / "link").symlink_to(folder.parent)
    assert here(tmp_path / "link" / ".venv") == "here\n"
    moved = folder.parent.rename(tmp_path / "moved") / ".venv"
    assert here(moved) == ""
    make(moved)
    assert here(moved) == "here\n"
