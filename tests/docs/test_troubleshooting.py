"""The messages that the page on trouble shows are those of the code."""

import ast
import re

from tests.docs.pages import CHECKOUT, text

_PAGE = "docs/troubleshooting.md"
# Rows whose first column is what TensorFlow, gRPC or a script says, or a status in words.
_CODES = re.compile(r"[A-Z_]+|known_items")


def _strings() -> list[str]:
    """Every text in the code, those of f-strings with … where something is put in."""
    found = []
    for package in ("mclrec_tf", "pipeline", "scripts", "serving"):
        for file in (CHECKOUT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.JoinedStr):
                    parts = (p.value if isinstance(p, ast.Constant) else "…" for p in node.values)
                    found.append("".join(map(str, parts)))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(node.value)
    for script in (CHECKOUT / "scripts").glob("*.sh"):
        found.append(re.sub(r"\$\w+", "…", script.read_text()))
    return found


def test_messages_are_those_of_the_code() -> None:
    shown = re.findall(r"^\| `([^`]+)` \|", text(_PAGE), re.MULTILINE)
    messages = [message for message in shown if not _CODES.fullmatch(message)]
    assert len(messages) > 40
    everything = "\n".join(_strings())
    assert [message for message in messages if message not in everything] == []
