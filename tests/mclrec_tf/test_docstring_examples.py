"""The examples in docstrings run as they stand, with their own imports, and print what they say."""

import doctest
import os
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import tensorflow as tf

from tests.distributions import CHECKOUT

_FENCED = re.compile(r"```python\n(.*?)```", re.DOTALL)


def sources() -> Iterator[tuple[str, str]]:
    """Modules of the library, and their text."""
    for file in sorted((CHECKOUT / "mclrec_tf").rglob("*.py")):
        module = ".".join(file.relative_to(CHECKOUT).with_suffix("").parts)
        yield module.removesuffix(".__init__"), file.read_text()


PROMPTED = [module for module, text in sources() if ">>> " in text]
FENCED = [
    pytest.param(block, id=f"{module}-{number}")
    for module, text in sources()
    for number, block in enumerate(_FENCED.findall(text))
]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path) -> Iterator[None]:
    """In a folder of its own, without graphs, which take longer to make than examples to run."""
    before = Path.cwd()
    os.chdir(tmp_path)
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
    os.chdir(before)


@pytest.mark.parametrize("name", PROMPTED)
def test_prompted_examples(name: str) -> None:
    module = import_module(name)
    runner = doctest.DocTestRunner()
    for example in doctest.DocTestFinder().find(module, globs={}):
        runner.run(example)
    assert runner.tries > 0 and runner.failures == 0


@pytest.mark.parametrize("block", FENCED)
def test_fenced_examples(block: str) -> None:
    lines = block.splitlines()
    indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    exec("\n".join(line[indent:] for line in lines), {"__name__": "example"})
