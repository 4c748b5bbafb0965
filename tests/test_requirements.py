"""requirements.txt pins what pyproject.toml asks for, and is what the tests run with."""

from importlib import metadata
from pathlib import Path

import pytest
import tomli
from packaging.requirements import Requirement

CHECKOUT = Path(__file__).parents[1]


def requirements(file: str) -> list[str]:
    lines = (CHECKOUT / file).read_text().splitlines()
    return [line for line in lines if line and not line.startswith(("#", "-r "))]


def test_direct_dependencies_are_those_of_pyproject():
    project = tomli.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    assert set(project["dependencies"]) <= set(requirements("requirements.txt"))


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_every_version_is_pinned_once(file: str):
    pins = [Requirement(line) for line in requirements(file)]
    names = [pin.name for pin in pins]
    assert len(names) == len(set(names))
    assert all(str(pin.specifier).startswith("==") for pin in pins)


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_installed_packages_are_the_pinned_ones(file: str):
    pins = [Requirement(line) for line in requirements(file)]
    assert {pin.name: f"=={metadata.version(pin.name)}" for pin in pins} == {
        pin.name: str(pin.specifier) for pin in pins
    }
