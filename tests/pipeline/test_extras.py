"""Every command says what to install where its extra is not installed, before it does anything."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.extras import KUBEFLOW, PIPELINE
from tests.distributions import CHECKOUT, LIBRARY, declared
from tests.test_quiet_commands import commands

COMMANDS = [command for command in commands() if command.startswith("pipeline.")]
OPTIONS = {
    "pipeline.run_local": ["--data=log.csv", "--workdir=w"],
    "pipeline.run_kubeflow": [
        *("--data=log.csv", "--pipeline-root=gs://a", "--serving-dir=gs://b", "--image=image"),
    ],
    "pipeline.demo": ["--workdir=w"],
    "pipeline.inspect": ["log.csv"],
    "pipeline.batch_inference": ["--model=m", "--data=log.csv", "--output=new"],
    "pipeline.item_sets": ["--model=m"],
    "pipeline.serving_skew": ["--data=log.csv", "--served=asked.jsonl"],
    "pipeline.watch": ["--requests=log", "--data=log.csv", "--out=page.html"],
    "pipeline.runners.kubeflow.try_spec": ["spec.yaml", "--store=store"],
    "pipeline.runners.kubeflow.container": [],
}
# What other distributions of an environment of the library alone, or of the extra, bring.
BROUGHT = {"absl-py", "protobuf", "kfp-pipeline-spec", "mclrec-tf"}
# Runs at the start of the interpreter, before `python -m`: an entry that is None makes an import
# fail as if the module were not installed.
_WITHOUT = "import os, sys\nsys.modules.update(dict.fromkeys(os.environ['WITHOUT'].split()))\n"


def said_without(folder: Path, missing: str, *command: str) -> str:
    site = folder / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(_WITHOUT)
    work = folder / "work"
    work.mkdir()
    ended = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=work,
        env={"PYTHONPATH": f"{site}:{CHECKOUT}", "WITHOUT": missing, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 1 and not ended.stdout
    assert not list(work.iterdir())
    return ended.stderr


def install(extra: str) -> str:
    return f'is not installed: pip install --find-links dist "mclrec-tf[{extra}]", '


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_without_the_extra(command: str, tmp_path: Path) -> None:
    said = said_without(tmp_path, " ".join(PIPELINE), command, *OPTIONS[command])
    (line,) = said.splitlines()
    assert line.startswith(f"mclrec-tf-serving {install('pipeline')}")


@pytest.mark.parametrize("module", PIPELINE)
def test_a_run_without_one_distribution(module: str, tmp_path: Path) -> None:
    said = said_without(tmp_path, module, "pipeline.run_local", *OPTIONS["pipeline.run_local"])
    (line,) = said.splitlines()
    assert line.startswith(f"{PIPELINE[module]} {install('pipeline')}")


@pytest.mark.parametrize("command", [name for name in COMMANDS if "kubeflow" in name])
def test_a_command_for_clusters_without_its_extra(command: str, tmp_path: Path) -> None:
    said = said_without(tmp_path, " ".join(KUBEFLOW), command, *OPTIONS[command])
    (line,) = said.splitlines()
    assert line.startswith(f"kfp {install('kubeflow')}")


@pytest.mark.parametrize(
    ("extra", "distributions"), [("pipeline", PIPELINE), ("kubeflow", KUBEFLOW)]
)
def test_every_distribution_of_an_extra_is_looked_for(
    extra: str, distributions: dict[str, str]
) -> None:
    assert set(declared(LIBRARY, extra)) - BROUGHT == set(distributions.values())


def test_who_imports_the_pipeline_gets_an_error_that_can_be_caught(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['tfx'] = None\n"
        "try:\n    import pipeline\nexcept ImportError as error:\n    print(error.name, error)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert ended.stdout.startswith(f"tfx tfx {install('pipeline')}")
