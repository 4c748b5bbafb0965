"""No module is there for tests alone, and no option without an effect."""

import dataclasses
import re
from pathlib import Path

import pytest

from benchmarks.settings import RunSettings
from pipeline.settings import Settings
from tests.distributions import CHECKOUT
from tests.imports import imported_modules, python_files

SOURCES = python_files("mclrec_tf", "pipeline", "serving", "benchmarks", "examples")
KINDS = [*(type(part) for part in vars(Settings()).values()), RunSettings]


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(CHECKOUT).with_suffix("").parts)


def test_every_module_is_imported_or_run() -> None:
    imported: set[str] = set()
    texts = {file: file.read_text() for file in SOURCES}
    for file in SOURCES:
        # A name that is imported of a module may be a module of a package.
        for module in set(imported_modules(file)) - {module_of(file)}:
            imported |= {module, module.rpartition(".")[0]}
    unused = [
        module
        for file, text in texts.items()
        if file.name not in ("__init__.py", "__main__.py")
        and '__name__ == "__main__"' not in text
        and (module := module_of(file)) not in imported
        # TFX and Beam take functions by their names.
        and not any(f"{module}." in other for f, other in texts.items() if f != file)
    ]
    assert unused == []


@pytest.mark.parametrize(
    "name", sorted({field.name for kind in KINDS for field in dataclasses.fields(kind)})
)
def test_every_option_is_read(name: str) -> None:
    read = re.compile(rf"\.{name}\b|[\"']{name}[\"']|\b{name}=")
    declared = re.compile(rf"^    {name}: .*", re.MULTILINE)
    places = [
        file.relative_to(CHECKOUT)
        for file in SOURCES
        if read.search(declared.sub("", file.read_text()))
    ]
    assert len(places) > 0, f"nothing reads {name}"
