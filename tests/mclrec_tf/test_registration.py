"""`import mclrec_tf` is enough to load what the library has saved."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mclrec_tf.models.building import build_model
from tests.distributions import CHECKOUT
from tests.imports import python_files, reached

_REGISTERS = "\n@keras.saving.register_keras_serializable("


def test_it_imports_every_module_that_registers_a_class() -> None:
    registering = {file for file in python_files("mclrec_tf") if _REGISTERS in file.read_text()}
    assert len(registering) > 10
    assert registering <= reached("mclrec_tf")


@pytest.mark.integration
def test_another_process_loads_a_recommended_model_with_its_optimizers(tmp_path: Path) -> None:
    model = build_model(5, dim=8, num_layers=1)
    history = np.array([[1, 2, 3]])
    model.fit(history, np.array([[2, 3, 4]]), verbose=0)
    model.save(tmp_path / "model.keras")
    code = (
        "import sys, keras, mclrec_tf, numpy as np\n"
        "model = keras.models.load_model(sys.argv[1])\n"
        "assert int(model.optimizer.iterations) == 1\n"
        "np.save(sys.argv[2], model.predict(np.array([[1, 2, 3]]), verbose=0))\n"
    )
    files = [str(tmp_path / name) for name in ("model.keras", "scores.npy")]
    ended = subprocess.run(
        [sys.executable, "-c", code, *files],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    np.testing.assert_allclose(np.load(files[1]), model.predict(history, verbose=0), rtol=1e-5)
