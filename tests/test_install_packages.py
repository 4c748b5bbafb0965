"""An installation that was cut short is taken up again, and nothing half-installed is left."""

import base64
import hashlib
import signal
import subprocess
import sys
import time
import venv
import zipfile
from pathlib import Path

import pytest

from tests.distributions import CHECKOUT, load_script

FILES = 4000


def put_package(packages: Path, name: str, files: dict[str, str], installer: bool = True) -> Path:
    """A distribution as pip leaves it."""
    description = packages / f"{name}-1.0.dist-info"
    description.mkdir(parents=True)
    (description / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    if installer:
        (description / "INSTALLER").write_text("pip\n")
    lines = []
    for path, text in files.items():
        (packages / path).parent.mkdir(parents=True, exist_ok=True)
        (packages / path).write_text(text)
        lines.append(f"{path},sha256=x,{len(text)}")
    lines.append(f"{name}/__pycache__/made.pyc,,")
    (description / "RECORD").write_text("\n".join(lines) + "\n")
    return description


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    put_package(tmp_path, "whole", {"whole/a.py": "a", "whole/b.py": ""})
    return tmp_path


def unfinished(packages: Path) -> list[str]:
    return [name for name, _ in load_script("install_packages").unfinished(packages)]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-tfx-1.16.txt"])
def test_every_line_of_the_lists_is_read(name: str) -> None:
    lists = [CHECKOUT / name, CHECKOUT / "requirements-dev.txt"]
    lines = [line for file in lists for line in file.read_text().splitlines()]
    unconditional = [line for line in lines if "==" in line and ";" not in line]
    versions = load_script("install_packages").pinned(*lists)
    assert set(versions) >= {line.split("==")[0].split("[")[0].lower() for line in unconditional}


def test_what_pip_has_put_elsewhere_is_missed(packages: Path) -> None:
    versions = {"whole": "1.0", "absent": "2.0", "pip": "26.3"}
    put_package(packages, "pip", {"pip/a.py": "a"})
    assert load_script("install_packages").missing(packages, versions) == [
        "absent==2.0",
        "pip==26.3",
    ]


def test_what_is_whole_is_left_alone(packages: Path) -> None:
    assert unfinished(packages) == []


def test_a_file_that_is_missing(packages: Path) -> None:
    put_package(packages, "torn", {"torn/a.py": "a", "torn/b.py": "b"})
    (packages / "torn" / "b.py").unlink()
    assert unfinished(packages) == ["torn-1.0"]


def test_a_file_that_was_cut_off(packages: Path) -> None:
    put_package(packages, "torn", {"torn/a.py": "import os"})
    (packages / "torn" / "a.py").write_text("import")
    assert unfinished(packages) == ["torn-1.0"]


@pytest.mark.parametrize("kept", [0, 3, 12])
def test_a_record_that_was_cut_off(packages: Path, kept: int) -> None:
    record = put_package(packages, "torn", {"torn/a.py": "a"}) / "RECORD"
    record.write_bytes(record.read_bytes()[:kept])
    assert unfinished(packages) == ["torn-1.0"]


def test_a_distribution_that_pip_had_not_ended(packages: Path) -> None:
    put_package(packages, "torn", {"torn/a.py": "a"}, installer=False)
    assert unfinished(packages) == ["torn-1.0"]


def test_a_distribution_without_a_record(packages: Path) -> None:
    (put_package(packages, "torn", {"torn/a.py": "a"}) / "RECORD").unlink()
    assert unfinished(packages) == ["torn-1.0"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (["Collecting a", "ERROR: No matching distribution"], "ERROR: No matching"),
        (["ERROR: Exception:", "Traceback", "  File", "OSError: [Errno 28] No space"], "No space"),
        (["Collecting a", "killed"], "killed"),
    ],
)
def test_the_reason_that_pip_gives_is_told(said: list[str], told: str) -> None:
    assert told in "".join(load_script("install_packages").reasons(said))


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    write_wheel(tmp_path / "wheels")
    code = (
        "import sys; sys.path.insert(0, 'scripts'); import install_packages, resource; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); "
        "install_packages.pip('install', '--no-index', '--find-links', sys.argv[1], 'many')"
    )
    command = [environment / "bin" / "python", "-c", code, tmp_path / "wheels"]
    ended = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    assert ended.returncode != 0 and "File too large" in ended.stderr


def write_wheel(folder: Path) -> None:
    """A wheel of so many files that pip can be stopped between two of them."""
    name, record = "many-1.0", []
    folder.mkdir()
    with zipfile.ZipFile(folder / f"{name}-py3-none-any.whl", "w") as wheel:

        def add(path: str, text: str) -> None:
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
            record.append(f"{path},sha256={digest.decode().rstrip('=')},{len(text)}")
            wheel.writestr(path, text)

        for number in range(FILES):
            add(f"many/m{number}.py", f"x = {number}\n")
        add(f"{name}.dist-info/METADATA", "Metadata-Version: 2.1\nName: many\nVersion: 1.0\n")
        add(
            f"{name}.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr(
            f"{name}.dist-info/RECORD", "\n".join([*record, f"{name}.dist-info/RECORD,,"])
        )


@pytest.mark.integration
@pytest.mark.usefixtures("heard_interrupts")
@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGKILL])
def test_an_installation_that_is_killed_between_two_files_is_mended(
    tmp_path: Path, signal_number: signal.Signals
) -> None:
    write_wheel(tmp_path / "wheels")
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    [packages] = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    install = [python, "-m", "pip", "install", "--no-index", "--no-deps", "many==1.0"]
    install += ["--find-links", tmp_path / "wheels"]
    for _ in range(20):
        process = subprocess.Popen(install, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        while process.poll() is None and not (packages / "many" / f"m{FILES // 4}.py").exists():
            time.sleep(0.001)
        process.send_signal(signal_number)
        process.communicate()
        if process.returncode != 0:
            break
        # It had ended before the signal came.
        subprocess.run([python, "-m", "pip", "uninstall", "--yes", "--quiet", "many"], check=True)
    assert process.returncode != 0
    if signal_number == signal.SIGKILL:  # at SIGINT pip may take back what it did
        assert unfinished(packages) or not list(packages.glob("many-1.0.dist-info"))
    mend = "import install_packages, pathlib, sys; "
    mend += "install_packages.remove_unfinished(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", mend, packages], cwd=CHECKOUT / "scripts", check=True)
    subprocess.run(install, check=True, stdout=subprocess.DEVNULL)
    assert len(list((packages / "many").glob("*.py"))) == FILES and unfinished(packages) == []
