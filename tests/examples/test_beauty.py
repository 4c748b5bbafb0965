"""The example runs as it stands, and what it saves can be loaded."""

import runpy
import sys
from pathlib import Path

import keras
import pytest

from mclrec_tf import MCLRec

pytestmark = pytest.mark.integration

EXAMPLE = Path(__file__).parents[2] / "examples" / "beauty.py"


def test_one_epoch_on_the_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "model.keras"
    monkeypatch.setattr(sys, "argv", ["beauty.py", "--epochs=1", f"--out={saved}"])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    output = capsys.readouterr().out
    for policy in ("all_items", "unseen_items"):
        assert f"test {policy} ndcg_at_10: 0." in output
    assert isinstance(keras.models.load_model(saved), MCLRec)
