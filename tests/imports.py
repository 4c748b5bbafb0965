"""What Python files import, and which distributions the imports are of."""

import ast
import functools
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from packaging.utils import canonicalize_name

from tests.distributions import CHECKOUT

OWN_PACKAGES = {"mclrec_tf", "pipeline", "serving", "benchmarks", "examples", "tests"}
# TFX is published in two parts that share its modules; the first needs the second at its version.
_PARTS = {"ml-pipelines-sdk": "tfx"}


def python_files(*paths: str) -> set[Path]:
    """The Python files below folders of the checkout, or the files themselves."""
    found: set[Path] = set()
    for path in paths:
        top = CHECKOUT / path
        files = top.rglob("*.py") if top.is_dir() else [top]
        found.update(file for file in files if "build" not in file.relative_to(CHECKOUT).parts)
    assert found, paths
    return found


def reached(*modules: str) -> set[Path]:
    """The files of some of our modules and of all of ours that they import."""
    found: set[Path] = set()
    waiting = list(modules)
    while waiting:
        parts = waiting.pop().split(".")
        # Whoever imports a module imports the packages that it is in.
        for length in range(1, len(parts) + 1):
            path = CHECKOUT.joinpath(*parts[:length])
            for file in (path.with_suffix(".py"), path / "__init__.py"):
                if file.is_file() and file not in found:
                    found.add(file)
                    waiting.extend(
                        m for m in imported_modules(file) if m.split(".")[0] in OWN_PACKAGES
                    )
    return found


def distributions(files: Iterable[Path]) -> set[str]:
    """The distributions whose modules are imported anywhere in files, also within functions."""
    modules = {module for file in files for module in imported_modules(file)}
    others = {
        module
        for module in modules
        if module.split(".")[0] not in OWN_PACKAGES | sys.stdlib_module_names
    }
    return {_distribution(module) for module in others}


def imported_modules(file: Path) -> Iterator[str]:
    """Modules by their full names; what is imported from a module may be one, too."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"{file} imports by a relative name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@functools.cache
def _installed() -> dict[str, dict[str, list[str]]]:
    """The files of each distribution by the top-level package that they are in."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for distribution in metadata.distributions():
        name = canonicalize_name(distribution.metadata["Name"])
        for file in distribution.files or []:
            if file.suffix in (".py", ".so"):
                top = file.parts[0].split(".")[0]
                found[top][_PARTS.get(name, name)].append(str(file))
    return found


def _distribution(module: str) -> str:
    owners = _installed().get(module.split(".")[0], {})
    assert owners, f"{module} is of no installed distribution"
    # Several may share a package, such as google: then it is the one that has the file.
    path = module.replace(".", "/")
    while len(owners) > 1 and path:
        having = {
            name
            for name, files in owners.items()
            if any(file.startswith((f"{path}.", f"{path}/__init__.")) for file in files)
        }
        if having:
            (owner,) = having
            return owner
        path = path.rpartition("/")[0]
    (owner,) = owners
    return owner
