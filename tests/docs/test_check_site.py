"""The check of the site finds what MkDocs does not look at."""

from pathlib import Path
from types import ModuleType

import pytest

from tests.distributions import load_script


@pytest.fixture(scope="module")
def check_site() -> ModuleType:
    return load_script("check_site")


def faults(check_site: ModuleType, folder: Path, body: str) -> list[str]:
    (folder / "sub").mkdir()
    (folder / "sub" / "other.html").write_text(
        '<h2 id="there">There</h2><a href="../page.html">x</a>'
    )
    (folder / "picture.svg").write_text("<svg/>")
    (folder / "page.html").write_text(body)
    return check_site.faults(folder)


@pytest.mark.parametrize(
    "body",
    [
        '<a href="sub/other.html#there">x</a>',
        '<a id="here"></a><a href="#here">x</a><a href="#">x</a>',
        '<img src="picture.svg"><img src="data:image/png;base64,AA==">',
        '<a href="https://arxiv.org/abs/2304.07763">a link is not loaded</a>',
        '<a href="/page.html">from the root</a>',
    ],
)
def test_what_is_right(check_site: ModuleType, tmp_path: Path, body: str) -> None:
    assert faults(check_site, tmp_path, body) == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<a href="sub/another.html">x</a>', "sub/another.html leads nowhere"),
        ('<a href="../page.html">x</a>', "../page.html leads nowhere"),
        ('<a href="sub/other.html#here">x</a>', "names an anchor that is not there"),
        ('<a href="#here">x</a>', "#here names an anchor that is not there"),
        ('<img src="missing.png">', "missing.png leads nowhere"),
        ('<script src="https://host.example/x.js"></script>', "from another host"),
        ('<link rel="stylesheet" href="//host.example/x.css">', "from another host"),
        ('<pre class="mermaid"><code>graph</code></pre>', "from another host"),
    ],
)
def test_what_is_wrong(check_site: ModuleType, tmp_path: Path, body: str, fault: str) -> None:
    (found,) = faults(check_site, tmp_path, body)
    assert found.startswith("page.html: ") and fault in found


def test_a_folder_without_pages_is_no_site(check_site: ModuleType, tmp_path: Path) -> None:
    assert check_site.faults(tmp_path) == [f"{tmp_path}: holds no page"]
