"""The commands of the server say what to install where only the client is installed."""

import subprocess
import sys

import pytest

from tests.distributions import CHECKOUT

# As if the module were not installed: an entry that is None makes an import fail so.
_WITHOUT = """
import runpy, sys
sys.modules[sys.argv[1]] = None
module, sys.argv = sys.argv[2], sys.argv[2:]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(
    ("missing", "command"),
    [
        ("uvloop", ["serving.devserver", "--help"]),
        ("uvloop", ["serving.devserver", "--model_base_path=x"]),
        ("tensorflow", ["serving.devserver", "--model_base_path=x"]),
        ("tensorflow", ["serving.export_check", "x"]),
    ],
)
def test_what_to_install_is_said(missing: str, command: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _WITHOUT, missing, *command],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 1 and not ended.stdout
    (line,) = ended.stderr.splitlines()
    install = 'pip install --find-links dist "mclrec-tf-serving[server]"'
    assert line.startswith(f"{missing} is not installed: {install}, ")
