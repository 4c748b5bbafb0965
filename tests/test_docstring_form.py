"""What docstrings say of arguments, attributes and errors has one form, in all packages."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import docstring_parser
import pytest

from tests.distributions import CHECKOUT
from tests.imports import python_files

PACKAGES = ("mclrec_tf", "pipeline", "serving", "benchmarks", "examples")
# A type, or what code is called, keeps its small letters.
KEEPS_ITS_CASE = re.compile(
    r"[^a-zA-Z]|[α-ω]|(?:u?int|float|bool|string|bytes|str)\d*\b|\w+[._(]\w*"
)
FIRST_WORDS_OF_TYPES = ("pyarrow", "tf", "np", "keras")


def documented(file: Path) -> Iterator[tuple[str, str]]:
    """The name and the docstring of every class and function of a file."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            text = ast.get_docstring(node)
            if text:
                yield node.name, text


def faults_of(text: str) -> Iterator[str]:
    """The entries of a docstring that begin with a small letter or end without a full stop."""
    for entry in docstring_parser.parse(text, docstring_parser.DocstringStyle.GOOGLE).meta:
        said = (entry.description or "").strip()
        if not said or entry.args[0] not in ("param", "attribute", "raises"):
            continue
        first = said.split()[0]
        if first[0].islower() and not (
            KEEPS_ITS_CASE.match(said) or first.strip(",") in FIRST_WORDS_OF_TYPES
        ):
            yield f"begins with a small letter: {said[:60]}"
        if not re.search(r"[.:!?|][)`\"]*$", said):
            yield f"ends without a full stop: {said[-60:]}"


@pytest.mark.parametrize("package", PACKAGES)
def test_entries_are_sentences(package: str) -> None:
    faults = [
        f"{file.relative_to(CHECKOUT)}: {name} {fault}"
        for file in sorted(python_files(package))
        for name, text in documented(file)
        for fault in faults_of(text)
    ]
    assert not faults, "\n".join(faults)


def test_other_forms_are_found() -> None:
    text = '"""Sum.\n\nArgs:\n    a: a number\n    b: int `[N]`, ids.\n    c: Of both.\n"""'
    assert [fault.split(":")[0] for fault in faults_of(ast.literal_eval(text))] == [
        "begins with a small letter",
        "ends without a full stop",
    ]
