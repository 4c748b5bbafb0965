"""What the two distributions of this checkout declare, and what the lists of pins hold."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import tomli
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).parents[1]
LIBRARY, SERVING = CHECKOUT / "pyproject.toml", CHECKOUT / "serving" / "pyproject.toml"
OWN = {"mclrec-tf", "mclrec-tf-serving"}


def project(file: Path) -> dict[str, Any]:
    """The table `project` of a pyproject.toml."""
    return tomli.loads(file.read_text())["project"]


def declared(file: Path, extra: str | None = None) -> dict[str, Requirement]:
    """The dependencies of a distribution, or those that an extra adds, by name."""
    table = project(file)
    lines = table["optional-dependencies"][extra] if extra else table["dependencies"]
    return {canonicalize_name(found.name): found for found in map(Requirement, lines)}


def application() -> Iterator[Requirement]:
    """What the application declares: everything but the tools of the tests and our own names."""
    for file, extras in ((LIBRARY, ("pipeline", "kubeflow")), (SERVING, ("server",))):
        for extra in (None, *extras):
            yield from (found for name, found in declared(file, extra).items() if name not in OWN)


def pins(file: str, section: str | None = None) -> list[Requirement]:
    """The lines of a list of pins, or of the section that follows a comment."""
    text = (CHECKOUT / file).read_text()
    if section is not None:
        text = text.split(f"\n# {section}", 1)[1].split("\n\n", 1)[0]
        text = text.split("\n", 1)[1]
    lines = text.splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def load_script(name: str) -> ModuleType:
    """A script of `scripts/`, which is no package, as a module."""
    spec = importlib.util.spec_from_file_location(name, CHECKOUT / "scripts" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def package_set() -> ModuleType:
    """The script that says which list a Python can hold."""
    return load_script("package_set")
