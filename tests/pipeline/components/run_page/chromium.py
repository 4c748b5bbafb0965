"""Opens a page in headless Chromium as a phone would, and reads back how it is laid out."""

import html
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

PHONE_WIDTH = 390
_TIMEOUT_SECONDS = 120
# Chromium makes no window narrower than 500 pixels, a frame may have any width.
_WRAPPER = """<!DOCTYPE html><meta charset="utf-8"><body><pre></pre>
<script>
function look(frame) {{
  const page = frame.contentDocument, elements = [...page.body.querySelectorAll("*")];
  const box = element => element.getBoundingClientRect();
  document.querySelector("pre").textContent = JSON.stringify({{
    width: page.documentElement.clientWidth,
    scrollWidth: page.documentElement.scrollWidth,
    outside: elements.filter(element => box(element).right > {width} && !element.closest("svg"))
      .map(element => element.outerHTML.slice(0, 200)),
    sections: [...page.querySelectorAll("section[id]")].map(section => section.id),
    pictures: [...page.querySelectorAll("svg")].map(svg => box(svg).width),
    scripts: page.scripts.length,
    text: page.body.innerText,
  }});
}}
</script>
<iframe onload="look(this)" style="border: 0; width: {width}px; height: 800px"
  srcdoc="{page}"></iframe>"""


def look_at(page: str, folder: Path) -> dict[str, Any]:
    """What Chromium makes of a page; skips the test where there is no Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on PATH (Debian: apt-get install chromium)")
    wrapper = folder / "wrapper.html"
    wrapper.write_text(_WRAPPER.format(width=PHONE_WIDTH, page=html.escape(page)))
    options = (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        f"--user-data-dir={folder}/profile",
    )
    dom = subprocess.run(
        [chromium, *options, "--dump-dom", wrapper.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=_TIMEOUT_SECONDS,
    ).stdout
    return json.loads(html.unescape(dom.split("<pre>")[1].split("</pre>")[0]))
