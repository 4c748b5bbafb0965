"""Checks a built site: every link leads somewhere, and no page loads anything from another host.

    python scripts/check_site.py site

MkDocs checks the links that it finds in Markdown; this reads what became of them, and those of
pictures, of raw HTML and of the API's pages as well.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# What a browser fetches by itself, without a click.
_LOADS = {
    "audio": "src",
    "embed": "src",
    "iframe": "src",
    "img": "src",
    "link": "href",
    "object": "data",
    "script": "src",
    "source": "src",
    "video": "src",
}


class Page(HTMLParser):
    """The anchors of a page, what it links to and what it loads."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(file.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        for name in ("id", "name"):
            if value := given.get(name):
                self.anchors.add(value)
        if tag == "a" and (href := given.get("href")):
            self.links.append(href)
        # Material's script draws these with a program that it loads from a public host.
        if "mermaid" in (given.get("class") or "").split():
            self.loads.append("https:// (the program that draws Mermaid)")
        if (name := _LOADS.get(tag)) and (target := given.get(name)):
            self.loads.append(target)


def faults(site: Path) -> list[str]:
    """A line for each fault of a built site."""
    pages = {file.resolve(): Page(file) for file in sorted(site.rglob("*.html"))}
    found = [] if pages else [f"{site}: holds no page"]
    for file, page in pages.items():
        for target in [*page.loads, *page.links]:
            fault = _fault(target, file, target in page.loads, pages, site)
            if fault:
                found.append(f"{file.relative_to(site.resolve())}: {fault}")
    return found


def _fault(target: str, file: Path, loaded: bool, pages: dict[Path, Page], site: Path) -> str:
    parts = urlsplit(target)
    if parts.scheme == "data":
        return ""
    if parts.scheme or parts.netloc:
        return f"loads {target} from another host" if loaded else ""
    # The page of unknown addresses may be shown for any of them, so its links begin at the root.
    base = site if parts.path.startswith("/") else file.parent
    to = (base / unquote(parts.path).lstrip("/")).resolve() if parts.path else file
    if to.is_dir():
        to /= "index.html"
    if not to.is_file():
        return f"{target} leads nowhere"
    anchor = unquote(parts.fragment)
    if anchor and to in pages and anchor not in pages[to].anchors:
        return f"{target} names an anchor that is not there"
    return ""


def main() -> int:
    if len(sys.argv) != 2:
        sys.exit(f"usage: python {sys.argv[0]} SITE")
    found = faults(Path(sys.argv[1]))
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
