"""find_python.sh runs each candidate, looks behind broken shims, and takes the best."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.distributions import CHECKOUT, package_set

SCRIPTS = CHECKOUT / "scripts"
SCRIPT = SCRIPTS / "find_python.sh"
REAL_PYTHON = os.path.realpath(sys.executable)
VERSION = "{}.{}".format(*sys.version_info)
NAME = f"python{VERSION}"

SET = package_set()
ANSWER = "{} {}".format(*SET.package_set(sys.version_info[:2], SET.glibc()))

Find = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A computer of its own; the space in its name shows missing quotes."""
    return tmp_path / "fake root"


@pytest.fixture
def find(root: Path) -> Find:
    """Runs the script where PATH, HOME and the system folders all lie in the fake root."""
    script = root / "find_python.sh"
    root.mkdir()
    shutil.copy(SCRIPTS / "package_set.py", root)
    text = SCRIPT.read_text()
    for folder in ("/usr", "/opt", "/Library"):
        text = text.replace(f" {folder}/", f' "{root}"{folder}/')
    script.write_text(text)

    def run(**environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", script],
            env={"PATH": f"{root}/bin", "HOME": f"{root}/home", **environment},
            capture_output=True,
            text=True,
        )

    return run


def put_python(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(REAL_PYTHON)
    return path


def put_script(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path


def put_shim(path: Path) -> Path:
    return put_script(path, "echo 'pyenv: python: command not found' >&2", "exit 127")


def put_pretended_python(version: str, path: Path, glibc: str = "2.39") -> Path:
    """A real interpreter that says it is of another version, on a machine with another glibc."""
    number = tuple(int(part) for part in version.split("."))
    program = (
        f"import os, sys; sys.version_info = {number}; sys.executable = '{path}'; "
        f"os.confstr = lambda name: 'glibc {glibc}'; exec(open(sys.argv[-1]).read())"
    )
    return put_script(path, f'exec "{REAL_PYTHON}" -c "{program}" "$@"')


def put_python_without(module: str, path: Path) -> Path:
    """A real interpreter in which importing `module` fails, as in Debian's without python3-venv."""
    hide = f"import sys; sys.modules['{module}'] = None; exec(open(sys.argv[-1]).read())"
    return put_script(path, f'exec "{REAL_PYTHON}" -c "{hide}" "$@"')


@pytest.mark.parametrize("name", [NAME, "python3", "python"])
def test_takes_a_python_on_path_under_any_of_its_names(find: Find, root: Path, name: str):
    python = put_python(root / "bin" / name)
    assert find().stdout == f"{ANSWER} {python}\n"


@pytest.mark.parametrize(
    "place",
    [
        f"home/.pyenv/versions/{VERSION}.13/bin/{NAME}",
        f"home/.local/share/uv/python/cpython-{VERSION}.16-linux-x86_64-gnu/bin/{NAME}",
        f"home/miniconda3/envs/old/bin/{NAME}",
        f"home/miniforge3/bin/{NAME}",
        f"usr/bin/{NAME}",
        f"usr/local/bin/{NAME}",
        f"opt/conda/envs/old/bin/{NAME}",
        f"opt/{NAME}/bin/{NAME}",
    ],
)
def test_looks_behind_a_shim_that_only_answers_command_not_found(
    find: Find, root: Path, place: str
):
    put_shim(root / "bin" / NAME)
    python = put_python(root / place)
    assert find().stdout == f"{ANSWER} {python}\n"


@pytest.mark.parametrize(
    ("variable", "place"),
    [
        ("PYENV_ROOT", f"versions/{VERSION}.2/bin/{NAME}"),
        ("UV_PYTHON_INSTALL_DIR", f"cpython-{VERSION}-macos/bin/{NAME}"),
        ("XDG_DATA_HOME", f"uv/python/cpython-{VERSION}.1/bin/{NAME}"),
        ("CONDA_PREFIX", "bin/python"),
        ("VIRTUAL_ENV", "bin/python"),
    ],
)
def test_looks_where_the_environment_says(find: Find, root: Path, variable: str, place: str):
    python = put_python(root / "elsewhere" / place)
    assert find(**{variable: f"{root}/elsewhere"}).stdout == f"{ANSWER} {python}\n"


def test_looks_further_along_path_after_a_broken_candidate(find: Find, root: Path):
    put_shim(root / "shims" / NAME)
    python = put_python(root / "good" / NAME)
    assert find(PATH=f"{root}/shims:{root}/good").stdout == f"{ANSWER} {python}\n"


def test_python_variable_comes_before_path(find: Find, root: Path):
    put_python(root / "bin" / NAME)
    mine = put_python(root / "mine" / "python")
    assert find(PYTHON=str(mine)).stdout == f"{ANSWER} {mine}\n"


def test_python_variable_may_be_a_name_on_path(find: Find, root: Path):
    put_python(root / "bin" / NAME)
    mine = put_python(root / "bin" / "my-python")
    assert find(PYTHON="my-python").stdout == f"{ANSWER} {mine}\n"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("shim", "pyenv: python: command not found"),
        ("missing", "there is no such program"),
        ("folder", "there is no such program"),
        ("true", "does not answer as a Python does"),
        ("old", "is Python 3.8; it takes 3.10 to 3.13"),
    ],
)
def test_a_python_variable_that_cannot_be_used_is_not_replaced(
    find: Find, root: Path, given: str, reason: str
):
    put_shim(root / "mine" / "shim")
    put_script(root / "mine" / "true", "exit 0")
    put_pretended_python("3.8", root / "mine" / "old")
    (root / "mine" / "folder").mkdir()
    put_python(root / "bin" / NAME)
    result = find(PYTHON=f"{root}/mine/{given}")
    assert result.returncode == 1 and result.stdout == ""
    assert f"PYTHON={root}/mine/{given} cannot be used:" in result.stderr
    assert reason in result.stderr


@pytest.mark.parametrize("module", ["ensurepip", "venv", "ssl", "ctypes"])
def test_rejects_an_incomplete_python_and_says_what_it_lacks(find: Find, root: Path, module: str):
    incomplete = put_python_without(module, root / "bin" / NAME)
    result = find()
    assert result.returncode != 0
    assert f"{incomplete}: import of {module} halted" in result.stderr


def test_takes_the_best_of_all_wherever_it_lies(find: Find, root: Path):
    put_pretended_python("3.10", root / "bin" / "python3.10")
    put_pretended_python("3.11", root / "bin" / "python3.11")
    best = put_pretended_python("3.13", root / "home/.pyenv/versions/3.13.1/bin/python3.13")
    put_pretended_python("3.12", root / "bin" / "python3")
    assert find().stdout == f"0 requirements.txt {best}\n"


def test_python_variable_comes_before_a_better_one(find: Find, root: Path):
    put_pretended_python("3.13", root / "bin" / "python3.13")
    mine = put_pretended_python("3.10", root / "mine" / "python")
    assert find(PYTHON=str(mine)).stdout == f"10 requirements-tfx-1.16.txt {mine}\n"


@pytest.mark.parametrize(
    ("python", "glibc", "expected"),
    [
        ("3.13", "2.41", "requirements.txt"),  # Debian 13
        ("3.12", "2.39", "requirements.txt"),  # Ubuntu 24.04
        ("3.11", "2.40", "requirements.txt"),
        ("3.11", "2.36", "requirements-tfx-1.16.txt"),  # Debian 12
        ("3.10", "2.35", "requirements-tfx-1.16.txt"),  # Ubuntu 22.04
        ("3.10", "2.41", "requirements-tfx-1.16.txt"),
    ],
)
def test_the_set_follows_from_the_versions_of_python_and_glibc(
    find: Find, root: Path, python: str, glibc: str, expected: str
):
    put_pretended_python(python, root / "bin" / "python3", glibc)
    assert find().stdout.split()[1] == expected


@pytest.mark.parametrize(
    ("python", "glibc", "reason"),
    [
        ("3.9", "2.41", "is Python 3.9; it takes 3.10 to 3.13"),
        ("3.14", "2.41", "is Python 3.14; it takes 3.10 to 3.13"),
        ("2.7", "2.41", "is Python 2.7; it takes 3.10 to 3.13"),
        ("3.12", "2.36", "is Python 3.12, which needs glibc 2.39; here is glibc 2.36"),
        ("3.13", "", "is Python 3.13, which needs glibc 2.39; here is no glibc"),
        ("3.11", "", "uses another C library than glibc, for which TensorFlow has no wheels"),
    ],
)
def test_rejects_another_version(find: Find, root: Path, python: str, glibc: str, reason: str):
    other = put_pretended_python(python, root / "bin" / "python3", glibc)
    result = find()
    assert result.returncode != 0
    assert f"{other}: {reason}\n" in result.stderr


def test_rejects_folders_and_files_that_cannot_be_run(find: Find, root: Path):
    (root / "bin" / NAME).mkdir(parents=True)
    put_script(root / "bin" / "python3").chmod(0o644)
    assert find().returncode != 0


def test_tells_how_to_get_one_when_there_is_none(find: Find, root: Path):
    shim = put_shim(root / "bin" / NAME)
    result = find()
    assert result.returncode == 1
    assert result.stdout == ""
    for way in ("apt-get install python3", "pyenv install", "uv python install", "conda create"):
        assert way in result.stderr
    assert f"{shim}: pyenv: python: command not found" in result.stderr


def test_needs_neither_path_nor_home(find: Find, root: Path):
    python = put_python(root / "usr" / "bin" / NAME)
    assert find(PATH="", HOME="").stdout == f"{ANSWER} {python}\n"
