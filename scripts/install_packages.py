"""Installs the pinned packages into the environment whose Python runs this, and shows progress.

    .venv/bin/python scripts/install_packages.py requirements.txt

An installation may have been cut short at any moment: what it left half-written is taken away
first, and the stamp of make is only written when every file that the packages name is there.
"""

import csv
import importlib.metadata
import os
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

    pip writes INSTALLER after all files, and names each file with its size in RECORD. Since Python
    3.12 importlib.metadata leaves out the files that are missing, so RECORD is read here.
    """
    for folder in sorted(packages.glob("*.dist-info")):
        record = folder / "RECORD"
        whole = (folder / "INSTALLER").is_file() and record.is_file()
        if not (whole and _are_whole(packages, record)):
            yield folder.name.removesuffix(".dist-info"), folder


def _are_whole(packages: Path, record: Path) -> bool:
    with record.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        try:
            rows = [(packages / name, size) for name, _, size in csv.reader(file)]
        except (csv.Error, ValueError):  # cut off itself
            return False
    return bool(rows) and all(
        path.is_file() and (not size or path.stat().st_size == int(size))
        for path, size in rows
        if path.suffix != ".pyc"  # made anew where it is missing
    )


def remove_unfinished(packages: Path) -> None:
    """Removes what describes them, so that pip does not take them for installed."""
    for name, folder in list(unfinished(packages)):
        print(f"{name} was left half-installed; it is installed again.")
        shutil.rmtree(folder)
    # Where pip puts a package aside while it installs another version of it.
    for folder in packages.glob("~*"):
        shutil.rmtree(folder, ignore_errors=True)


def pinned(*lists: Path) -> dict[str, str]:
    """The versions that lists name for this Python, by the names of packages."""
    from pip._vendor.packaging.requirements import Requirement
    from pip._vendor.packaging.utils import canonicalize_name

    found = {}
    for line in "\n".join(file.read_text() for file in lists).splitlines():
        if "==" in line:
            requirement = Requirement(line.split(" #")[0])
            if requirement.marker is None or requirement.marker.evaluate():
                [version] = [specifier.version for specifier in requirement.specifier]
                found[str(canonicalize_name(requirement.name))] = version
    return found


def missing(packages: Path, versions: dict[str, str]) -> list[str]:
    """What of these versions is not in the folder."""
    from pip._vendor.packaging.utils import canonicalize_name
    from pip._vendor.packaging.version import Version

    there = {
        str(canonicalize_name(distribution.metadata["Name"])): Version(distribution.version)
        for distribution in importlib.metadata.distributions(path=[str(packages)])
    }
    return [f"{name}=={v}" for name, v in versions.items() if there.get(name) != Version(v)]


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
    # Without the packages that PYTHONPATH names, which pip would count as installed.
    command = [sys.executable, "-I", "-u", "-m", "pip", "--disable-pip-version-check", *arguments]
    # In an environment there are no packages of the user's, whatever pip's settings say.
    variables = {**os.environ, "PIP_USER": "0"}
    said = []
    with subprocess.Popen(
        command,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if progress and re.match(r"Collecting|Requirement already", line):
                progress.fetched += 1
    if process.returncode:
        sys.exit(
            "".join(reasons(said))
            + "\nThe packages could not be installed; pip's own words are above. If it found no "
            "distribution of a package, its index cannot be reached or does not have it; if it "
            "refuses an option, its settings say so (`pip config list`). Once that is mended, the "
            "same command goes on from here."
        )


def reasons(said: list[str]) -> list[str]:
    """Of all that pip has said, what tells why it failed: of an exception, the last lines."""
    found = [line for line in said if re.match(r"\s*(ERROR|WARNING)", line)]
    crashed = any(re.match(r"\s*ERROR: Exception", line) for line in found)
    return [*found, *said[-3:]] if crashed else found or said[-20:]


def main(list_of_set: str) -> None:
    """Installs a list and the tools of the tests, and looks whether all is there."""
    packages = Path(sysconfig.get_path("purelib"))
    lists = [SCRIPTS.parent / list_of_set, SCRIPTS.parent / "requirements-dev.txt"]
    remove_unfinished(packages)
    subprocess.run([sys.executable, "-I", "-m", "ensurepip"], check=True, stdout=subprocess.DEVNULL)
    pip("install", PIP)
    versions = pinned(*lists)
    with Progress(packages, len(versions)) as progress:
        # The lists are whole, so nothing is resolved; TFX 1.16 works on Python 3.11 without
        # declaring it.
        options = ["--compile", "--no-deps", "--ignore-requires-python"]
        for file in lists:
            options += ["--requirement", str(file)]
        pip("install", *options, progress=progress)
    # pyfarmhash is the one package that would need a compiler.
    if not list(packages.glob("farmhash*")):
        shutil.copy(SCRIPTS / "farmhash.py", packages)
    # The checkout itself is importable from any folder, which TFX's and Beam's subprocesses need.
    # The line counts from site-packages, so that no path is written down.
    (packages / "mclrec_tf_checkout.pth").write_text("../../../..\n")
    if damaged := [name for name, _ in unfinished(packages)]:
        sys.exit(f"Files of {', '.join(damaged)} are missing. Run `make clean`, then try again.")
    if absent := missing(packages, versions):
        sys.exit(
            f"pip has put {len(absent)} packages elsewhere than into {packages}, {absent[0]} among "
            "them: its settings name another place (`pip config list`, PIP_TARGET, PIP_PREFIX)."
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
