"""A training goes on from its base model where that fits, and else says why it does not."""

import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from mclrec_tf import MCLRec
from mclrec_tf.data.histories import Histories
from pipeline.components.trainer.fit import model_of
from pipeline.components.trainer.run_fn import _goes_on_from, keras_path
from pipeline.components.transform.preprocessing import VOCABULARY
from pipeline.settings import ModelSettings, TrainingSettings
from tests.mclrec_tf.earlier_set import write

_ITEMS = [*write.ITEMS[3:], "a-new-one"]


@pytest.fixture
def base_model(tmp_path: Path) -> str:
    """What a run of an earlier version, with `--encoder sasrec`, has left of its blessed model."""
    export = tmp_path / "base" / "Format-Serving"
    (export / "assets").mkdir(parents=True)
    shutil.copy(write.FOLDER / "sasrec.keras", keras_path(str(export)))
    shutil.copy(write.FOLDER / "export" / "assets" / "items", export / "assets" / VOCABULARY)
    return str(export)


@pytest.fixture
def vocabulary(tmp_path: Path) -> str:
    file = tmp_path / VOCABULARY
    file.write_text("".join(f"{name}\n" for name in _ITEMS))
    return str(file)


def _model(encoder: str, **options: int) -> MCLRec:
    sizes = {"dim": 8, "num_layers": 1, "max_length": 10, "members": 1, **options}
    settings = ModelSettings(encoder=encoder, **sizes)
    histories = Histories.from_lists([[1, 2, 3]])
    return model_of(len(_ITEMS), settings, TrainingSettings(), histories)


def test_what_was_named_sasrec_goes_on_as_post_norm_sasrec(
    base_model: str, vocabulary: str, capsys: pytest.CaptureFixture[str]
) -> None:
    model = _model("post_norm_sasrec")
    assert _goes_on_from(base_model, model, vocabulary)
    assert f"goes on from {base_model}, which knows 17 of 18 items" in capsys.readouterr().out
    previous = keras.models.load_model(keras_path(base_model))
    known = model.encoder.item_embedding.table.numpy()[1:18]
    np.testing.assert_array_equal(known, previous.encoder.item_embedding.table.numpy()[4:21])


@pytest.mark.parametrize(
    ("encoder", "options", "reason"),
    [
        ("sasrec", {}, "its encoder is a PostNormSASRec, that of the new model a SASRec"),
        ("bsarec", {}, "its encoder is a PostNormSASRec, that of the new model a BSARec"),
        (
            "post_norm_sasrec",
            {"num_heads": 4},
            "its encoder has num_heads=2, that of the new model 4",
        ),
        ("post_norm_sasrec", {"members": 2}, "it has members=1, the new model members=2"),
    ],
)
def test_another_model_starts_from_scratch_and_says_why(
    base_model: str,
    vocabulary: str,
    capsys: pytest.CaptureFixture[str],
    encoder: str,
    options: dict[str, int],
    reason: str,
) -> None:
    model = _model(encoder, **options)
    before = model.get_weights()
    assert not _goes_on_from(base_model, model, vocabulary)
    assert f"starts from scratch, not from {base_model}: {reason}. To go" in capsys.readouterr().out
    for weight, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_a_base_model_without_a_file_is_told(
    tmp_path: Path, vocabulary: str, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = str(tmp_path / "none" / "Format-Serving")
    assert not _goes_on_from(gone, _model("sasrec"), vocabulary)
    assert "starts from scratch: no model was kept" in capsys.readouterr().out
