"""The pages that people read, and the code in them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).parents[2]
# Everything but the changelog, which names what has been.
PAGES = sorted(
    page.relative_to(CHECKOUT).as_posix()
    for pattern in (
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "BUILD_NOTES.md",
        "docs/**/*.md",
        "pipeline/**/*.md",
        "serving/**/*.md",
        ".github/**/*.md",
    )
    for page in CHECKOUT.glob(pattern)
)

_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]*?) -->\n)?^(?P<indent> *)```(?P<language>\w*)[^\n]*\n"
    r"(?P<code>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """Code between fences.

    Attributes:
        line: where it begins.
        language: as the fence names it.
        mark: the HTML comment in the line before; "" without one.
        code: the lines.
    """

    line: int
    language: str
    mark: str
    code: str


def text(page: str) -> str:
    return (CHECKOUT / page).read_text()


def blocks(page: str) -> Iterator[Block]:
    """The fenced code of a page."""
    whole = text(page)
    for found in _BLOCK.finditer(whole):
        line = whole.count("\n", 0, found.start("code"))
        yield Block(line, found["language"], found["mark"] or "", found["code"])


def spans(page: str) -> list[str]:
    """What stands between single backquotes, outside of fenced code."""
    return re.findall(r"(?<!`)`([^`\n]+(?:\n[^`\n]+)?)`(?!`)", _BLOCK.sub("", text(page)))


def commands(page: str) -> Iterator[str]:
    """Shell commands of a page, one a line, in fences and between backquotes."""
    for block in blocks(page):
        if block.language in ("sh", ""):
            yield from re.sub(r"\\\n\s*", " ", block.code).splitlines()
    yield from (span.replace("\n", " ") for span in spans(page))
