"""Links between files lead somewhere. Those of the site itself are checked by `make docs`."""

import re

import pytest

from tests.docs.pages import CHECKOUT, PAGES, text


@pytest.mark.parametrize("page", [*PAGES, "CHANGELOG.md"])
def test_files_are_there(page: str) -> None:
    links = re.findall(r"\]\(\s*([^)\s#]+)[^)]*\)", text(page))
    inside = [link for link in links if "://" not in link and not link.startswith("mailto:")]
    folder = (CHECKOUT / page).parent
    assert [link for link in inside if not (folder / link).exists()] == []
