"""Shows the `>>>` examples of docstrings as Python sessions; Markdown takes them for quotations."""

import re
from typing import Any

import griffe

# The lines of one session: the prompt, and what follows up to an empty line or the fence of another
# block.
_SESSION = re.compile(r"^(?P<indent>[ ]*)>>> .*(?:\n(?P=indent)(?!\s*$|```).*)*", re.MULTILINE)


class PyconExamples(griffe.Extension):
    """Puts a fence around every session in a docstring."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        if obj.docstring is None or ">>>" not in obj.docstring.value:
            return
        obj.docstring.value = _SESSION.sub(
            lambda found: "{0}```pycon\n{1}\n{0}```".format(found["indent"], found[0]),
            obj.docstring.value,
        )
