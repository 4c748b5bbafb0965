"""What the image and a package for workers hold, as far as it can be told without Docker."""

import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import tomli

from tests.pipeline.kubeflow import image

PACKAGES = ("mclrec_tf", "pipeline", "serving")


def test_the_projects_packages_and_requirements_are_copied(tmp_path: Path):
    image.make_root(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*PACKAGES, "requirements.txt"}
    assert list(tmp_path.rglob("*.py")) and not list(tmp_path.rglob("__pycache__"))
    requirements = (image.CHECKOUT / "requirements.txt").read_text()
    assert (tmp_path / "requirements.txt").read_text() == requirements
    assert image.DOCKERFILE.read_text().count("--requirement requirements.txt") == 2


def test_the_builder_is_shown_nothing_else():
    seen = {path.name for path in image.CHECKOUT.iterdir() if not image.ignored(path.name)}
    assert seen == {*PACKAGES, "requirements.txt"}


def test_versions_are_those_of_the_project():
    dockerfile = image.DOCKERFILE.read_text()
    project = tomli.loads((image.CHECKOUT / "pyproject.toml").read_text())["project"]
    (beam,) = (one for one in project["dependencies"] if one.startswith("apache-beam=="))
    assert re.findall(r"beam_python3\.10_sdk:(\S+)", dockerfile) == [beam.split("==")[1]]
    assert project["requires-python"] == ">=3.10,<3.11"
    assert re.findall(r"FROM (\S+)", dockerfile) == ["python:3.10-slim-bookworm"] * 2


def test_a_package_for_workers_holds_every_module_and_data_file(tmp_path: Path):
    checkout = tmp_path / "checkout"
    for name in PACKAGES:
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(image.CHECKOUT / name, checkout / name, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(image.CHECKOUT / name, checkout)
    build = "from setuptools.build_meta import build_sdist; build_sdist('dist')"
    subprocess.run([sys.executable, "-c", build], cwd=checkout, check=True, capture_output=True)
    (archive,) = (checkout / "dist").iterdir()
    with tarfile.open(archive) as package:
        packed = {name.split("/", 1)[1] for name in package.getnames() if "/" in name}
    modules = {str(path.relative_to(checkout)) for path in checkout.rglob("*.py")}
    assert modules - packed == set()
    assert {"pipeline/schema/schema.pbtxt", "serving/signatures.json"} <= packed
