"""The Makefile sets .venv up once, and again only when something that it was made from changes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

CHECKOUT = Path(__file__).parents[1]
MARK = "made-for-mclrec-tf"

INPUTS = [
    "requirements.txt",
    "requirements-tfx-1.16.txt",
    "requirements-dev.txt",
    "scripts/alone.sh",
    "scripts/base_python.py",
    "scripts/environment_here.sh",
    "scripts/farmhash.py",
    "scripts/find_python.sh",
    "scripts/install.sh",
    "scripts/install_packages.py",
    "scripts/new_environment.sh",
    "scripts/own_environment.sh",
    "scripts/package_set.py",
]


class Checkout:
    """The Makefile beside an installer that only notes that it ran, and fails where told to."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir()
        (folder / "scripts").mkdir()
        shutil.copy(CHECKOUT / "Makefile", folder)
        for file in INPUTS:
            (folder / file).touch()
        for name in ("alone.sh", "environment_here.sh", "own_environment.sh"):
            shutil.copy(CHECKOUT / "scripts" / name, folder / "scripts")
        self.installs("/bin/sh")

    def installs(self, python: str) -> None:
        (self.folder / "scripts" / "install.sh").write_text(
            f"mkdir -p $1/bin; ln -sf {python} $1/bin/python; (cd $1; pwd -P) > $1/{MARK}\n"
            "echo installing; test ! -e fail\n"
        )

    def install(self, *variables: str) -> str:
        kept = (name for name in os.environ if "MAKE" not in name and name != "PYTHON")
        result = subprocess.run(
            ["make", ".venv/installed", *variables],
            cwd=self.folder,
            env={name: os.environ[name] for name in kept},
            capture_output=True,
            text=True,
        )
        if result.returncode:
            return "failed"
        return "installed" if "installing" in result.stdout else "current"

    def change(self, file: str) -> None:
        path = self.folder / file
        newer = (self.folder / ".venv" / "installed").stat().st_mtime + 1
        os.utime(path, (newer, newer))


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "a checkout")


def test_installs_once(checkout: Checkout):
    assert checkout.install() == "installed"
    assert checkout.install() == "current"


@pytest.mark.parametrize("file", INPUTS)
def test_installs_again_when_its_input_changes(checkout: Checkout, file: str):
    checkout.install()
    checkout.change(file)
    assert checkout.install() == "installed"


def test_what_the_docs_are_built_with_is_no_input(checkout: Checkout):
    checkout.install()
    (checkout.folder / "requirements-docs.txt").touch()
    checkout.change("requirements-docs.txt")
    assert checkout.install() == "current"


def test_a_failed_installation_is_not_current(checkout: Checkout):
    (checkout.folder / "fail").touch()
    assert checkout.install() == "failed"
    (checkout.folder / "fail").unlink()
    assert checkout.install() == "installed"
    assert checkout.install() == "current"


def test_a_failed_update_takes_the_stamp_away(checkout: Checkout):
    checkout.install()
    checkout.change("requirements.txt")
    (checkout.folder / "fail").touch()
    assert checkout.install() == "failed"
    assert not (checkout.folder / ".venv" / "installed").exists()


def test_installs_again_when_the_interpreter_is_gone(checkout: Checkout):
    checkout.install()
    python = checkout.folder / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nonexistent/python3.10")
    assert checkout.install() == "installed"


def test_installs_again_where_the_checkout_was_moved(checkout: Checkout, tmp_path: Path):
    assert checkout.install() == "installed"
    checkout.folder = checkout.folder.rename(tmp_path / "moved")
    assert checkout.install() == "installed"
    assert checkout.install() == "current"


def test_installs_again_when_another_python_is_asked_for(checkout: Checkout):
    shutil.copy(CHECKOUT / "scripts" / "base_python.py", checkout.folder / "scripts")
    checkout.installs(sys.executable)
    assert checkout.install() == "installed"
    assert checkout.install(f"PYTHON={sys.executable}") == "current"
    assert checkout.install("PYTHON=/bin/echo") == "installed"


def test_help_lists_the_targets():
    result = subprocess.run(
        ["make", "--no-print-directory"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    targets = [line.split()[0] for line in result.stdout.splitlines()]
    assert targets == [
        "help",
        "demo",
        "test",
        "test-integration",
        "test-slow",
        "test-other-set",
        "docs",
        "bench",
        "clean",
    ]
