"""find_python.sh runs each candidate before it chooses one, and looks behind broken shims."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "find_python.sh"
REAL_PYTHON = os.path.realpath(sys.executable)

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
    return put_script(path, "echo 'pyenv: python3.10: command not found' >&2", "exit 127")


def put_python_without(module: str, path: Path) -> Path:
    """A real interpreter in which importing `module` fails, as in Debian's without python3-venv."""
    hide = f"import sys; sys.modules['{module}'] = None; exec(sys.argv[-1])"
    return put_script(path, f'exec "{REAL_PYTHON}" -c "{hide}" "$@"')


@pytest.mark.parametrize("name", ["python3.10", "python3", "python"])
def test_takes_a_python_3_10_on_path_under_any_of_its_names(find: Find, root: Path, name: str):
    python = put_python(root / "bin" / name)
    assert find().stdout == f"{python}\n"


@pytest.mark.parametrize(
    "place",
    [
        "home/.pyenv/versions/3.10.13/bin/python3.10",
        "home/.local/share/uv/python/cpython-3.10.16-linux-x86_64-gnu/bin/python3.10",
        "home/miniconda3/envs/old/bin/python3.10",
        "home/miniforge3/bin/python3.10",
        "usr/bin/python3.10",
        "usr/local/bin/python3.10",
        "opt/conda/envs/py310/bin/python3.10",
        "opt/python3.10/bin/python3.10",
    ],
)
def test_looks_behind_a_shim_that_only_answers_command_not_found(
    find: Find, root: Path, place: str
):
    put_shim(root / "bin" / "python3.10")
    python = put_python(root / place)
    assert find().stdout == f"{python}\n"


@pytest.mark.parametrize(
    ("variable", "place"),
    [
        ("PYENV_ROOT", "versions/3.10.2/bin/python3.10"),
        ("UV_PYTHON_INSTALL_DIR", "cpython-3.10-macos/bin/python3.10"),
        ("XDG_DATA_HOME", "uv/python/cpython-3.10.1/bin/python3.10"),
        ("CONDA_PREFIX", "bin/python"),
        ("VIRTUAL_ENV", "bin/python"),
    ],
)
def test_looks_where_the_environment_says(find: Find, root: Path, variable: str, place: str):
    python = put_python(root / "elsewhere" / place)
    assert find(**{variable: f"{root}/elsewhere"}).stdout == f"{python}\n"


def test_looks_further_along_path_after_a_broken_candidate(find: Find, root: Path):
    put_shim(root / "shims" / "python3.10")
    python = put_python(root / "good" / "python3.10")
    assert find(PATH=f"{root}/shims:{root}/good").stdout == f"{python}\n"


def test_python_variable_comes_before_path(find: Find, root: Path):
    put_python(root / "bin" / "python3.10")
    mine = put_python(root / "mine" / "python")
    assert find(PYTHON=str(mine)).stdout == f"{mine}\n"


def test_python_variable_may_be_a_name_on_path(find: Find, root: Path):
    put_python(root / "bin" / "python3.10")
    mine = put_python(root / "bin" / "my-python")
    assert find(PYTHON="my-python").stdout == f"{mine}\n"


@pytest.mark.parametrize("given", ["shim", "missing"])
def test_says_so_when_the_python_variable_cannot_be_used(find: Find, root: Path, given: str):
    put_shim(root / "mine" / "shim")
    python = put_python(root / "bin" / "python3.10")
    result = find(PYTHON=f"{root}/mine/{given}")
    assert result.stdout == f"{python}\n"
    assert f"PYTHON={root}/mine/{given} is no Python 3.10" in result.stderr


@pytest.mark.parametrize("module", ["ensurepip", "venv", "ssl", "ctypes"])
def test_rejects_an_incomplete_python_and_says_what_it_lacks(find: Find, root: Path, module: str):
    incomplete = put_python_without(module, root / "bin" / "python3.10")
    result = find()
    assert result.returncode != 0
    assert f"{incomplete}: import of {module} halted" in result.stderr


def test_rejects_another_version(find: Find, root: Path):
    pretend = "import sys; sys.version_info = (3, 12, 1, 'final', 0); exec(sys.argv[-1])"
    newer = put_script(root / "bin" / "python3", f'exec "{REAL_PYTHON}" -c "{pretend}" "$@"')
    result = find()
    assert result.returncode != 0
    assert f"{newer}: is Python 3.12" in result.stderr


def test_rejects_folders_and_files_that_cannot_be_run(find: Find, root: Path):
    (root / "bin" / "python3.10").mkdir(parents=True)
    put_script(root / "bin" / "python3").chmod(0o644)
    assert find().returncode != 0


def test_tells_how_to_get_one_when_there_is_none(find: Find, root: Path):
    shim = put_shim(root / "bin" / "python3.10")
    result = find()
    assert result.returncode == 1
    assert result.stdout == ""
    for way in ("apt-get install python3.10", "brew install", "pyenv install", "uv python install"):
        assert way in result.stderr
    assert f"{shim}: pyenv: python3.10: command not found" in result.stderr


def test_needs_neither_path_nor_home(find: Find, root: Path):
    python = put_python(root / "usr" / "bin" / "python3.10")
    assert find(PATH="", HOME="").stdout == f"{python}\n"
