"""Both distributions as wheels, installed with pip into clean environments and used there.

Nothing of the checkout is seen: every command runs in another folder, isolated from this process.
"""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pipeline.local_server import free_port, local_server
from tests.distributions import CHECKOUT, OWN
from tests.imports import python_files

pytestmark = pytest.mark.slow

_MEGABYTE = 2**20
_SITE_PACKAGES = "import sysconfig; print(sysconfig.get_path('purelib'))"
_TRAIN = """
import sys
import keras
from mclrec_tf import MCLRec, SASRec
from mclrec_tf.data.batches import evaluation_batches, training_batches
from mclrec_tf.data.histories import leave_one_out
from mclrec_tf.data.interactions import load_interactions
from mclrec_tf.data.sample.sample_log import write_sample
from mclrec_tf.export.saved_model import export_savedmodel

assert not {"tfx", "serving", "pipeline"} & sys.modules.keys()
write_sample("events.csv", num_events=2_000)
data = load_interactions("events.csv")
train, validation, test = leave_one_out(data.histories)
model = MCLRec(SASRec(len(data.item_ids), dim=16), seed=0)
model.compile(keras.optimizers.Adam(2e-3), augmenter_optimizer=keras.optimizers.Adam(1e-3))
model.fit(training_batches(train), validation_data=evaluation_batches(*validation), verbose=0)
model.save("model.keras")
loaded = keras.models.load_model("model.keras")
asked = evaluation_batches(*test)
assert loaded.evaluate(asked, verbose=0) == model.evaluate(asked, verbose=0)
export_savedmodel(loaded, "export", data.item_ids)
"""
_CLIENT = """
import sys
import serving.client

assert not {"numpy", "tensorflow"} & sys.modules.keys()
# Of this program alone: getrusage counts what the process was before it.
(peak,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak.split()[1]) * 1024)
"""


class Environment:
    """A new virtual environment with this process's Python, and a folder to run commands in."""

    def __init__(self, folder: Path):
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        self.python = folder / "bin" / "python"
        self.folder = folder / "work"
        self.folder.mkdir()

    def variables(self) -> dict[str, str]:
        """Those of this process, but for what would change Python or Keras."""
        others = ("KERAS_", "PYTHON", "TF_USE_LEGACY_KERAS")
        return {name: value for name, value in os.environ.items() if not name.startswith(others)}

    def run(self, *arguments: str | Path) -> str:
        """Runs Python there; returns what it prints."""
        ended = subprocess.run(
            [self.python, *arguments],
            cwd=self.folder,
            env=self.variables(),
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-4000:]
        return ended.stdout

    def pip(self, *arguments: str | Path) -> str:
        return self.run("-m", "pip", "--disable-pip-version-check", "--quiet", *arguments)

    def installed(self) -> set[str]:
        lines = self.run("-m", "pip", "list", "--format=freeze").splitlines()
        return {line.split("==")[0].lower() for line in lines}

    def size(self) -> int:
        """Bytes in site-packages, without what a new environment comes with."""
        folder = Path(self.run("-c", _SITE_PACKAGES).strip())
        ours = [top for top in folder.iterdir() if not top.name.startswith(("pip", "setuptools"))]
        files = [file for top in ours for file in (top.rglob("*") if top.is_dir() else [top])]
        return sum(file.stat().st_size for file in files if file.is_file())


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with both wheels, built from what git has and nothing that earlier builds left."""
    folder = tmp_path_factory.mktemp("wheels")
    source, built = folder / "source", folder / "dist"
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for file in filter(None, files.split("\0")):
        if (CHECKOUT / file).is_file():
            (source / file).parent.mkdir(parents=True, exist_ok=True)
            (source / file).write_bytes((CHECKOUT / file).read_bytes())
    environment = Environment(folder / "builder")
    try:
        environment.pip("--retries=1", "--timeout=15", "download", "--no-deps", "idna")
    except AssertionError as error:
        pytest.skip(f"pip cannot reach an index: {str(error).strip().splitlines()[-1]}")
    for project in (source, source / "serving"):
        environment.pip("wheel", "--no-deps", "--wheel-dir", built, project)
    return built


def packed(wheels: Path, name: str) -> set[str]:
    (wheel,) = wheels.glob(f"{name}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return {file for file in archive.namelist() if ".dist-info/" not in file}


def relative(*paths: str) -> set[str]:
    return {str(file.relative_to(CHECKOUT)) for file in python_files(*paths)}


def test_the_wheels_hold_each_module_once_and_the_data_files(wheels: Path) -> None:
    library, serving = packed(wheels, "mclrec_tf"), packed(wheels, "mclrec_tf_serving")
    assert library == relative("mclrec_tf", "pipeline") | {
        "pipeline/components/run_page/page.html.j2",
        "pipeline/html_page/style.css",
        "pipeline/jobs/watch/page.html.j2",
        "pipeline/schema/schema.pbtxt",
    }
    deploy = (CHECKOUT / "serving" / "deploy").rglob("*")
    assert serving == relative("serving") | {
        "serving/export_check/stock_ops.txt",
        *(str(file.relative_to(CHECKOUT)) for file in deploy if file.is_file()),
    }


def test_the_library_alone(wheels: Path, tmp_path: Path) -> None:
    environment = Environment(tmp_path / "library")
    environment.pip("install", "--find-links", wheels, "mclrec-tf")
    assert environment.installed() & {"apache-beam", "mclrec-tf-serving", "tfx"} == set()
    environment.pip("check")
    environment.run("-c", _TRAIN)
    for example in sorted((CHECKOUT / "examples").glob("*.py")):
        (environment.folder / example.name).write_bytes(example.read_bytes())
        environment.run(example.name, "--epochs=1")
    assert (environment.folder / "model.keras").is_file()


def test_the_client_is_small(wheels: Path, tmp_path: Path) -> None:
    environment = Environment(tmp_path / "client")
    environment.pip("install", "--find-links", wheels, "mclrec-tf-serving")
    assert environment.installed() & {"keras", "mclrec-tf", "numpy", "tensorflow"} == set()
    environment.pip("check")
    assert environment.size() < 60 * _MEGABYTE
    assert int(environment.run("-c", _CLIENT)) < 60 * _MEGABYTE
    environment.run("-m", "serving.client", "--help")


def test_the_server_answers_for_what_the_library_exports(wheels: Path, tmp_path: Path) -> None:
    environment = Environment(tmp_path / "server")
    environment.pip("install", "--find-links", wheels, "mclrec-tf[serving]")
    assert environment.installed() >= OWN
    environment.pip("check")
    environment.run("-c", _TRAIN)
    assert "TF Serving can serve it" in environment.run("-m", "serving.export_check", "export")
    (environment.folder / "models").mkdir()
    (environment.folder / "export").rename(environment.folder / "models" / "1")
    ports = [f"--port={free_port()}", f"--rest_api_port={free_port()}"]
    command = [str(environment.python), "-m", "serving.devserver", "--model_base_path=models"]
    with local_server([*command, *ports], cwd=environment.folder, env=environment.variables()):
        answer = environment.run("-m", "serving.client", *ports, "--k=3")
    tables = answer.split("mclrec over rest")
    assert len(tables) == 2 and all(table.count("\n") >= 4 for table in tables), answer


def test_the_pipeline_starts(wheels: Path, tmp_path: Path) -> None:
    environment = Environment(tmp_path / "pipeline")
    extra = "mclrec-tf[kubeflow]"
    # pip tries versions of TFX's many packages for longer than a quarter of an hour.
    environment.pip("install", "uv")
    install = [environment.python, "-m", "uv", "pip", "install", "--python", environment.python]
    install += ["--find-links", wheels, extra]
    ended = subprocess.run(install, capture_output=True, text=True, env=environment.variables())
    if ended.returncode:
        # TFX has no wheels for every Python and every C library; pyfarmhash needs a compiler.
        pytest.skip(f"{extra} cannot be installed here: {ended.stderr.strip().splitlines()[-1]}")
    for command in ("run_local", "run_kubeflow", "inspect", "batch_inference"):
        assert "usage: " in environment.run("-m", f"pipeline.{command}", "--help")
