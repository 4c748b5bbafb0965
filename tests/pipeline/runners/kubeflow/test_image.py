"""What the image and a package for workers hold, as far as it can be told without Docker."""

import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.distributions import package_set, pins
from tests.pipeline.runners.kubeflow import image

PACKAGES = ("mclrec_tf", "pipeline", "serving")
TRIXIE_GLIBC = (2, 41)


def requirements_file() -> str:
    """The list of pins that the image is made from."""
    (file,) = {source for source, _ in image.copied() if source.startswith("requirements")}
    return file


def test_the_projects_packages_and_requirements_are_copied(tmp_path: Path):
    file = requirements_file()
    image.make_root(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*PACKAGES, file, "farmhash.py"}
    assert list(tmp_path.rglob("*.py")) and not list(tmp_path.rglob("__pycache__"))
    assert (tmp_path / file).read_text() == (image.CHECKOUT / file).read_text()
    assert image.DOCKERFILE.read_text().count(f"--requirement {file}") == 1


def test_the_builder_is_shown_nothing_else():
    seen = {path.name for path in image.CHECKOUT.iterdir() if not image.ignored(path.name)}
    assert seen == {*PACKAGES, requirements_file()}


def test_versions_are_those_of_the_pins():
    dockerfile = image.DOCKERFILE.read_text()
    (python,) = set(re.findall(r"^FROM python:(\S+)-slim-trixie$", dockerfile, re.MULTILINE))
    assert dockerfile.count("\nFROM ") == 1
    _, file = package_set().package_set(tuple(map(int, python.split("."))), TRIXIE_GLIBC)
    assert file == requirements_file()
    (beam,) = (pin for pin in pins(file) if pin.name == "apache-beam")
    assert re.findall(r"beam_python(\S+)_sdk:(\S+)", dockerfile) == [
        (python, str(beam.specifier).removeprefix("=="))
    ]


@pytest.mark.parametrize(
    ("folder", "packages", "data"),
    [
        ("", ("mclrec_tf", "pipeline"), "pipeline/schema/schema.pbtxt"),
        ("serving", ("serving",), "export_check/stock_ops.txt"),
    ],
)
def test_a_package_for_workers_holds_every_module_and_data_file(
    folder: str, packages: tuple[str, ...], data: str, tmp_path: Path
):
    checkout = tmp_path / "checkout"
    for name in packages:
        ignore = shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
        shutil.copytree(image.CHECKOUT / name, checkout / name, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(image.CHECKOUT / name, checkout)
    built = checkout / folder
    build = "from hatchling.build import build_sdist; build_sdist('dist')"
    subprocess.run([sys.executable, "-c", build], cwd=built, check=True, capture_output=True)
    (archive,) = (built / "dist").iterdir()
    with tarfile.open(archive) as package:
        packed = {name.split("/", 1)[1] for name in package.getnames() if "/" in name}
    modules = {str(path.relative_to(built)) for path in built.rglob("*.py")}
    assert modules - packed == set()
    assert data in packed
