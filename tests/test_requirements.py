"""Both lists of pins hold what is declared, and the tests run with one of them."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.distributions import (
    LIBRARY,
    OWN,
    SERVING,
    application,
    declared,
    package_set,
    pins,
    project,
)

NEWER, OLDER, TOOLS = "requirements.txt", "requirements-tfx-1.16.txt", "requirements-dev.txt"
DOCS = "requirements-docs.txt"
PYTHONS = {
    NEWER: ("3.11", "3.12", "3.13"),
    OLDER: ("3.10", "3.11"),
    TOOLS: ("3.10", "3.11", "3.12", "3.13"),
    DOCS: ("3.10", "3.11", "3.12", "3.13"),
}
DIRECT = "Direct dependencies"
# Published as sources alone, and plain Python, so that no compiler is needed.
PLAIN_SOURCES = {"dill", "google-apitools", "kfp", "kfp-server-api", "rouge-score"}
# The newest C library that the wheels of a list may ask for.
GLIBC = {NEWER: 39, OLDER: 35, TOOLS: 35, DOCS: 35}
_OLD_PLATFORMS = ("manylinux2014", "manylinux2010", "manylinux1", "linux")


def held(lines: list[Requirement], python: str) -> list[Requirement]:
    """The lines that hold for a version of Python."""
    return [
        line
        for line in lines
        if line.marker is None or line.marker.evaluate({"python_version": python})
    ]


def version(pin: Requirement) -> str:
    (specifier,) = pin.specifier
    assert specifier.operator == "==", pin
    return specifier.version


def versions(file: str, python: str) -> dict[str, str]:
    return {canonicalize_name(pin.name): version(pin) for pin in held(pins(file), python)}


@pytest.mark.parametrize(("file", "python"), [(f, p) for f, all_ in PYTHONS.items() for p in all_])
def test_every_version_is_pinned_once(file: str, python: str):
    names = [canonicalize_name(pin.name) for pin in held(pins(file), python)]
    assert len(names) == len(set(names))
    assert len(versions(file, python)) == len(names)


@pytest.mark.slow
@pytest.mark.parametrize(("file", "python"), [(f, p) for f, all_ in PYTHONS.items() for p in all_])
def test_nothing_has_to_be_compiled(file: str, python: str, tmp_path: Path):
    """Asks the index for a wheel of every pin, for each Python that a list is for."""
    lines = [
        f"{canonicalize_name(pin.name)}=={version(pin)}"
        for pin in held(pins(file), python)
        if canonicalize_name(pin.name) not in PLAIN_SOURCES
    ]
    (tmp_path / "pins.txt").write_text("\n".join(lines))
    platforms = [f"manylinux_2_{minor}" for minor in range(5, GLIBC[file] + 1)]
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--quiet"]
    # tfx 1.16 declares no Python 3.11, see BUILD_NOTES.md.
    command += ["--ignore-requires-python", "--only-binary=:all:", "--implementation=cp"]
    command += [f"--python-version={python}"]
    command += [f"--platform={name}_x86_64" for name in (*platforms, *_OLD_PLATFORMS)]
    command += ["--target", str(tmp_path / "none"), "--requirement", str(tmp_path / "pins.txt")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("file", [NEWER, OLDER])
def test_direct_dependencies_are_the_declared_ones(file: str):
    assert {canonicalize_name(pin.name) for pin in pins(file, DIRECT)} == {
        canonicalize_name(one.name) for one in application()
    }


@pytest.mark.parametrize(("file", "python"), [(f, p) for f in (NEWER, OLDER) for p in PYTHONS[f]])
def test_every_declared_range_holds_the_pin(file: str, python: str):
    found = versions(file, python)
    for one in application():
        assert one.specifier.contains(found[canonicalize_name(one.name)]), one


@pytest.mark.parametrize(("file", "python"), [(f, p) for f in (NEWER, OLDER) for p in PYTHONS[f]])
def test_what_the_tests_declare_is_pinned(file: str, python: str):
    found = {**versions(file, python), **versions(TOOLS, python)}
    for name, one in declared(LIBRARY, "dev").items():
        assert one.specifier.contains(found[name]), one


def test_the_tools_are_the_declared_ones_that_the_sets_do_not_hold():
    top = {canonicalize_name(p.name) for p in pins(TOOLS, "pyproject.toml, but for")}
    everywhere = set.intersection(
        *(set(versions(file, python)) for file in (NEWER, OLDER) for python in PYTHONS[file])
    )
    assert top == set(declared(LIBRARY, "dev")) - everywhere


def test_a_list_of_tools_contradicts_no_set():
    for file in (NEWER, OLDER):
        for python in PYTHONS[file]:
            found, tools = versions(file, python), versions(TOOLS, python)
            assert {n: tools[n] for n in tools.keys() & found.keys()}.items() <= found.items()


def test_the_docs_are_built_with_what_is_declared():
    declared_here = declared(LIBRARY, "docs")
    assert {canonicalize_name(pin.name) for pin in pins(DOCS, "an environment of its own")} == set(
        declared_here
    )
    for python in PYTHONS[DOCS]:
        found = versions(DOCS, python)
        assert all(one.specifier.contains(found[name]) for name, one in declared_here.items())


def test_installed_packages_are_the_pinned_ones():
    script = package_set()
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    _, file = script.package_set(sys.version_info[:2], script.glibc())
    pinned = {**versions(file, python), **versions(TOOLS, python)}
    assert {name: metadata.version(name) for name in pinned} == pinned


def test_both_distributions_are_of_one_version():
    library, serving = project(LIBRARY), project(SERVING)
    assert library["version"] == serving["version"]
    assert library["requires-python"] == serving["requires-python"]
    ours = [
        one
        for extra in library["optional-dependencies"]
        for name, one in declared(LIBRARY, extra).items()
        if name in OWN and one.specifier
    ]
    assert len(ours) == 3 and {version(one) for one in ours} == {serving["version"]}
