"""Installs the pinned packages into the environment whose Python runs this, and shows progress.

    .venv/bin/python scripts/install_packages.py requirements.txt

An installation may have been cut short at any moment: what it left half-written is taken away
first, and the stamp of make is only written when every file that the packages name is there.
"""

import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator
from pathlib import Path

SCRIPTS = Path(__file__).parent
# The pip that comes with Python 3.10 leaves packages that it builds from sources without bytecode
# when PYTHONDONTWRITEBYTECODE is set; every process would then compile them again.
PIP = "pip==26.3"


def unfinished(packages: Path) -> Iterator[tuple[str, Path]]:
    """The distributions in a folder of packages that are not whole, and where each is described.

    pip writes INSTALLER after all files, and names each file with its size in RECORD.
    """
    for folder in sorted(packages.glob("*.dist-info")):
        distribution = importlib.metadata.Distribution.at(folder)
        files = distribution.files if (folder / "INSTALLER").exists() else None
        if not files or not all(map(_is_whole, files)):
            yield folder.name.removesuffix(".dist-info"), folder


def _is_whole(file: importlib.metadata.PackagePath) -> bool:
    if file.suffix == ".pyc":  # made anew where it is missing
        return True
    path = Path(file.locate())
    return path.is_file() and (file.size is None or path.stat().st_size == file.size)


def remove_unfinished(packages: Path) -> None:
    """Removes what describes them, so that pip does not take them for installed."""
    for name, folder in list(unfinished(packages)):
        print(f"{name} was left half-installed; it is installed again.")
        shutil.rmtree(folder)
    # Where pip puts a package aside while it installs another version of it.
    for folder in packages.glob("~*"):
        shutil.rmtree(folder, ignore_errors=True)


def pinned(*lists: Path) -> list[str]:
    """The lines of lists that name a package."""
    return [line for file in lists for line in file.read_text().splitlines() if "==" in line]


class Progress:
    """Tells how many packages there are so far: on a terminal in one line, else now and then."""

    def __init__(self, packages: Path, total: int) -> None:
        self.fetched = 0
        self._packages = packages
        self._total = total
        self._ended = threading.Event()
        self._on_terminal = sys.stdout.isatty()
        self._thread = threading.Thread(target=self._show, daemon=True)

    def __enter__(self) -> "Progress":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._thread.join()
        if self._on_terminal:
            print()

    def _show(self) -> None:
        while not self._ended.wait(1 if self._on_terminal else 30):
            unpacked = len(list(self._packages.glob("*.dist-info/INSTALLER")))
            line = f"  {self.fetched} packages of {self._total} found, {unpacked} installed"
            print(f"\r{line}" if self._on_terminal else line, end="", flush=True)
            if not self._on_terminal:
                print(flush=True)


def pip(*arguments: str, progress: Progress | None = None) -> None:
    """Runs pip; ends this process with what pip says if it fails."""
    command = [sys.executable, "-u", "-m", "pip", "--disable-pip-version-check", *arguments]
    said = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if progress and re.match(r"Collecting|Requirement already", line):
                progress.fetched += 1
    if process.returncode:
        problems = [line for line in said if re.match(r"\s*(ERROR|WARNING)", line)]
        sys.exit(
            "".join(problems or said[-20:])
            + "\nThe packages could not be installed; pip's own words are above. If it found no "
            "distribution of a package, its index cannot be reached or does not have it (see `pip "
            "config list`). The same command goes on from here."
        )


def main(list_of_set: str) -> None:
    packages = Path(sysconfig.get_path("purelib"))
    lists = [SCRIPTS.parent / list_of_set, SCRIPTS.parent / "requirements-dev.txt"]
    remove_unfinished(packages)
    subprocess.run([sys.executable, "-m", "ensurepip"], check=True, stdout=subprocess.DEVNULL)
    pip("install", PIP)
    with Progress(packages, len(pinned(*lists))) as progress:
        # The lists are whole, so nothing is resolved; TFX 1.16 works on Python 3.11 without
        # declaring it.
        options = ["--compile", "--no-deps", "--ignore-requires-python"]
        for file in lists:
            options += ["--requirement", str(file)]
        pip("install", *options, progress=progress)
    # pyfarmhash is the one package that would need a compiler.
    if not importlib.util.find_spec("farmhash"):
        shutil.copy(SCRIPTS / "farmhash.py", packages)
    # The checkout itself is importable from any folder, which TFX's and Beam's subprocesses need.
    # The line counts from site-packages, so the checkout may be moved.
    (packages / "mclrec_tf_checkout.pth").write_text("../../../..\n")
    if damaged := [name for name, _ in unfinished(packages)]:
        sys.exit(f"Files of {', '.join(damaged)} are missing. Run `make clean`, then try again.")


if __name__ == "__main__":
    main(*sys.argv[1:])
