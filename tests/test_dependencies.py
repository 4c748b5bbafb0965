"""Every distribution and every extra declares what its files import: no more and no less."""

import subprocess
import sys

import pytest

from tests.distributions import LIBRARY, OWN, SERVING, declared
from tests.imports import distributions, python_files, reached

CLIENT = reached("serving.client", "serving.client.__main__")
KUBEFLOW = python_files("pipeline/runners/kubeflow", "pipeline/run_kubeflow.py")
LIBRARY_FILES = python_files("mclrec_tf")
# What runs in an environment of its own, with other libraries that do the same.
OF_PEERS = python_files("benchmarks/peer_rectools.py", "tests/mclrec_tf/evaluation/peers/write.py")

# What no file imports, and why it is needed all the same.
BY_NAME = {
    "pipeline": {
        "tensorboard": "keras.callbacks.TensorBoard writes with tf.summary, which imports it; "
        "TensorFlow brings it only up to 2.20",
    },
    "kubeflow": {
        "kfp": "its command submits what pipeline.run_kubeflow compiles; the modules that are "
        "imported are kfp-pipeline-spec's",
    },
    "dev": {
        "hatchling": "tests/pipeline/runners/kubeflow/test_image.py builds packages with it",
        "import-linter": "the command lint-imports",
        "mypy": "a command",
        "pytest-asyncio": "asyncio_mode of pyproject.toml",
        "pytest-xdist": "pytest -n of the Makefile",
        "ruff": "a command",
    },
}
# What is imported only where somebody wants it, and said in a sentence where it is missing.
OPTIONAL = {"client": {"numpy": "user vectors are its arrays; nothing else of the client is"}}


def names(*requirements: dict[str, object]) -> set[str]:
    return {name for some in requirements for name in some} - OWN


def check(part: str, imported: set[str], declared_here: set[str], given: set[str]) -> None:
    by_name, optional = set(BY_NAME.get(part, {})), set(OPTIONAL.get(part, {}))
    assert not by_name & imported, "imported after all"
    assert optional <= imported, "imported no more"
    assert (imported - given - optional) | by_name == declared_here


def test_the_library():
    check("library", distributions(LIBRARY_FILES), names(declared(LIBRARY)), set())


def test_the_client():
    assert not any("devserver" in file.parts or "export_check" in file.parts for file in CLIENT)
    check("client", distributions(CLIENT), names(declared(SERVING)), set())


def test_the_server_and_the_export_check():
    given = names(declared(SERVING))
    files = python_files("serving")
    check("server", distributions(files), names(declared(SERVING, "server")), given)


def test_the_pipeline():
    given = names(declared(LIBRARY))
    files = python_files("pipeline") - KUBEFLOW
    check("pipeline", distributions(files), names(declared(LIBRARY, "pipeline")), given)


def test_kubeflow():
    given = names(declared(LIBRARY), declared(LIBRARY, "pipeline"))
    check("kubeflow", distributions(KUBEFLOW), names(declared(LIBRARY, "kubeflow")), given)


def test_the_tests():
    given = names(
        *(declared(LIBRARY, extra) for extra in (None, "pipeline", "kubeflow")),
        *(declared(SERVING, extra) for extra in (None, "server")),
    )
    files = python_files("tests", "benchmarks", "examples") - OF_PEERS
    check("dev", distributions(files), names(declared(LIBRARY, "dev")), given)


def test_the_examples_need_the_library_alone():
    assert distributions(python_files("examples")) <= names(declared(LIBRARY))


@pytest.mark.parametrize("package", ["mclrec_tf", "examples"])
def test_the_library_knows_neither_pipeline_nor_server(package: str):
    files = reached(
        *(
            ".".join(file.relative_to(LIBRARY.parent).with_suffix("").parts)
            for file in python_files(package)
        )
    )
    tops = {file.relative_to(LIBRARY.parent).parts[0] for file in files}
    assert tops <= {package, "mclrec_tf"}


def test_the_client_does_without_numpy_and_tensorflow_at_its_start():
    """Also by way of what it imports; a process of its own, since this one has everything."""
    code = "import serving.client, sys; print({'numpy', 'tensorflow'} & sys.modules.keys())"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "set()"
