"""What the pages name is there: modules, what they hold, files, targets of make, options."""

import ast
import functools
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import CHECKOUT, PAGES, commands, spans, text

_OURS = ("benchmarks", "examples", "mclrec_tf", "pipeline", "scripts", "serving", "tests")
_MODULE = re.compile(rf"\b(?:{'|'.join(_OURS)})(?:\.[A-Za-z_]\w*)+")
_PATH = re.compile(rf"(?:{'|'.join((*_OURS, 'docs'))})/[\w./-]*")
# The options of others that the pages speak of by themselves, without their command.
_OF_OTHERS = {
    "TensorFlow Serving": {
        "--allow_version_labels_for_unavailable_models",
        "--enable_grpc_healthcheck_service",
        "--enable_profiler",
        "--grpc_channel_arguments",
        "--model_config_file_poll_wait_seconds",
        "--monitoring_config_file",
        "--ssl_config_file",
        "--tensorflow_session_parallelism",
    },
    "Beam": {
        "--direct_num_workers",
        "--direct_running_mode",
        "--environment_type",
        "--requirements_file",
        "--extra_package",
        "--runner",
        "--sdk_container_image",
        "--worker_pool",
    },
    "pip": {"--find-links", "--force-reinstall", "--no-deps"},
    "mkdocs": {"--strict"},
    "sha256sum": {"--check"},
}


def _file(module: str) -> Path | None:
    """The file of a module of ours."""
    path = CHECKOUT.joinpath(*module.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return path if path.is_dir() else None  # a folder without __init__.py


def _holds(file: Path, name: str) -> bool:
    """Whether a module makes or imports a name at its top, or where a condition there holds."""
    if file.is_dir():
        return False
    top = ast.parse(file.read_text()).body
    in_blocks = [node for block in top if isinstance(block, ast.If) for node in block.body]
    for node in top + in_blocks:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found = [node.name]
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found = [(alias.asname or alias.name).split(".")[0] for alias in node.names]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found = [target.id for target in targets if isinstance(target, ast.Name)]
        else:
            continue
        if name in found:
            return True
    return False


def exists(dotted: str) -> bool:
    """Whether a dotted name is a module of ours, or something at the top of one."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        file = _file(".".join(parts[:length]))
        if file is not None:
            # What follows the first name in a module is an attribute, which only running tells.
            return length == len(parts) or _holds(file, parts[length])
    return False


def test_a_name_is_told_from_no_name() -> None:
    assert exists("mclrec_tf.MCLRec") and exists("serving.client") and exists("pipeline.run_local")
    assert exists("serving.client.RecommendationClient.recommend")
    assert not exists("mclrec_tf.models.nothing") and not exists("pipeline.run_nowhere")


@pytest.mark.parametrize("page", PAGES)
def test_modules_are_there(page: str) -> None:
    # Paths have slashes, and names of files end in what is no module.
    found = re.findall(r"(?<![\w/.-])" + _MODULE.pattern + r"(?![\w/]|\.(?:py|md)\b)", text(page))
    assert [name for name in sorted(set(found)) if not exists(name)] == []


@pytest.mark.parametrize("page", PAGES)
def test_files_are_there(page: str) -> None:
    found = {
        match[0].rstrip(".")
        for span in spans(page)
        for match in [_PATH.match(span)]
        if match and match.end() == len(span.rstrip())
    }
    assert [path for path in sorted(found) if not (CHECKOUT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_targets_of_make_are_there(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    named = {
        word
        for line in commands(page)
        if (match := re.match(r"make((?: [a-z][a-z-]*)+)\s*(?:[A-Z_]+=.*|#.*)?$", line))
        for word in match[1].split()
    }
    assert named <= targets


@functools.cache
def options_of(module: str) -> set[str]:
    """The options that the help of a command lists."""
    ended = subprocess.run(
        [sys.executable, "-m", module, "--help"], cwd=CHECKOUT, capture_output=True, text=True
    )
    assert ended.returncode == 0, f"{module}: {ended.stderr}"
    return set(re.findall(r"--[A-Za-z][\w-]*", ended.stdout))


def calls(page: str) -> dict[str, set[str]]:
    """The options that each command of ours is called with on a page."""
    found: dict[str, set[str]] = {}
    for line in commands(page):
        match = re.search(r"python -m ((?:benchmarks|mclrec_tf|pipeline|serving)[\w.]*)(.*)", line)
        if not match:
            continue
        try:
            words = shlex.split(match[2].split(" | ")[0], comments=True)
        except ValueError:  # a quote that is closed in another line
            words = match[2].split()
        named = {word.split("=")[0] for word in words if re.match(r"--[a-z]", word)}
        found.setdefault(match[1], set()).update(named)
    return found


MODULES = sorted({module for page in PAGES for module in calls(page)})


@pytest.mark.integration
@pytest.mark.parametrize("module", MODULES)
def test_a_command_has_the_options_that_it_is_called_with(module: str) -> None:
    named = {page: calls(page).get(module, set()) - options_of(module) for page in PAGES}
    assert {page: options for page, options in named.items() if options} == {}


@pytest.mark.integration
def test_options_by_themselves_are_of_some_command() -> None:
    known = set.union(*map(options_of, MODULES), *_OF_OTHERS.values())
    named = {
        (page, span.split("=")[0].split()[0].rstrip(":"))
        for page in PAGES
        for span in spans(page)
        if span.startswith("--")
    }
    assert {(page, option) for page, option in named if option not in known} == set()
