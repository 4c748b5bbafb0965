"""No command prints what its user cannot act on, whatever TensorFlow and Google's packages say."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mclrec_tf.data.sample.sample_log import write_sample

CHECKOUT = Path(__file__).parents[1]
# Warnings of Python and of logging, glog's lines, and what TensorFlow says of CPUs, GPUs and costs.
NOISE = re.compile(
    r"warning|deprecat|onednn|cuda|tensorrt|predictcost|^[IWE]\d{4} |^\d{4}-\d\d-\d\d .*: [IWE] ",
    re.IGNORECASE | re.MULTILINE,
)

# Three that only containers and other commands call, and one of the library, which leaves to its
# users what TensorFlow says.
OTHERS = {
    "benchmarks.peer_rectools",
    "pipeline.runners.kubeflow.container",
    "serving.export_check.trial",
    "mclrec_tf.data.sample",
}


def commands() -> list[str]:
    """Every module that is run by `python -m`; the examples load Keras themselves."""
    modules = []
    for package in ("benchmarks", "mclrec_tf", "pipeline", "serving"):
        for file in sorted((CHECKOUT / package).rglob("*.py")):
            if 'if __name__ == "__main__":' in file.read_text() or file.name == "__main__.py":
                modules.append(".".join(file.relative_to(CHECKOUT).with_suffix("").parts))
    return [module.removesuffix(".__main__") for module in modules]


def run(*arguments: str | Path, timeout: float = 300) -> str:
    """Runs a command as a user does; returns all that it prints.

    The tests' own settings of TensorFlow's log are taken away.
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("TF_", "PYTEST"))}
    environment.pop("PYTHONWARNINGS", None)
    result = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=CHECKOUT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
    )
    assert result.returncode == 0, result.stdout
    return result.stdout


def noise(output: str) -> list[str]:
    return [line for line in output.splitlines() if NOISE.search(line)]


def test_noise_is_told_from_what_a_command_says() -> None:
    assert noise("W0000 00:00:1.5   12 op.cc:1] PredictCost() called") != []
    assert noise("2026-01-01 00:00:00.1: I tensorflow/core/util/port.cc:113] oneDNN") != []
    assert noise("/x/y.py:246: FutureWarning: You are using a non-supported Python") != []
    assert noise("Blessed, compared with no earlier model. Pushed to runs/models/mclrec/1") == []


@pytest.mark.integration
@pytest.mark.parametrize("module", sorted({*commands()} - OTHERS))
def test_help_is_quiet(module: str) -> None:
    assert noise(run(module, "--help")) == []


@pytest.mark.integration
def test_a_day_of_commands_is_quiet(tmp_path: Path) -> None:
    log, workdir, models = tmp_path / "log.csv", tmp_path / "run", tmp_path / "run/models/mclrec"
    write_sample(log, 4000)
    said = [run("pipeline.inspect", log)]
    small = (
        "--epochs=1",
        "--members=1",
        "--dim=8",
        "--num-layers=1",
        "--min-lift=0",
        "--max-drop=1",
    )
    said.append(run("pipeline.run_local", "--data", log, "--workdir", workdir, *small))
    (version,) = models.iterdir()
    said.append(run("serving.export_check", version))
    tables = ("--model", models, "--data", log, "--output", tmp_path / "table")
    said.append(run("pipeline.batch_inference", *tables))
    spec = tmp_path / "spec.yaml"
    places = (f"--pipeline-root={tmp_path}/root", f"--serving-dir={tmp_path}/served")
    options = (*places, "--image=image", "--output", spec, "--data", log, *small)
    said.append(run("pipeline.run_kubeflow", *options))
    assert noise("\n".join(said)) == []
