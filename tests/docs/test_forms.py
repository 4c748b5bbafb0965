"""The forms for issues are ones that GitHub takes, and the hooks before a commit are make's."""

import re
from pathlib import Path

import pytest
import yaml
from check_jsonschema.cli import main as check_jsonschema
from click.testing import CliRunner

from tests.docs.pages import CHECKOUT, text

_FOLDER = CHECKOUT / ".github" / "ISSUE_TEMPLATE"


@pytest.mark.parametrize("file", sorted(_FOLDER.iterdir()), ids=lambda file: file.name)
def test_forms_are_valid(file: Path) -> None:
    kind = "config" if file.stem == "config" else "forms"
    checked = CliRunner().invoke(
        check_jsonschema, ["--builtin-schema", f"vendor.github-issue-{kind}", str(file)]
    )
    assert checked.exit_code == 0, checked.output


def test_hooks_run_what_make_test_runs() -> None:
    (repository,) = yaml.safe_load(text(".pre-commit-config.yaml"))["repos"]
    assert repository["repo"] == "local"
    hooks = {hook["entry"].split("-m ruff ")[1].split()[0] for hook in repository["hooks"]}
    assert hooks == set(re.findall(r"-m ruff (\w+)", text("Makefile")))
